"""What facts.json holds: a file for each part, each field with its unit and what it is.

`report.facts` makes these from a study's files, `facts.json` is their JSON, and all that a page says is made of them.
templates/README.md and templates/facts.schema.json are made of them as well.
"""
