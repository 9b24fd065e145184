"""What the study file says, and the base model that it names."""

from pydantic import Field

from report.facts.schema.parts import Count, KnownCount, KnownSetting, KnownText, Part, Text


class Author(Part):
    """Somebody who worked on the study."""

    name: Text = Field(description="who")
    did: Text = Field(description="what they did")


class StudyFacts(Part):
    """What the study file says that the page shows."""

    name: KnownText = Field(description="its name")
    title: Text = Field(description="its title")
    file: KnownText = Field(description="the study file")
    folder: KnownText = Field(description="the folder of its results")
    why: Text = Field(description="why the authors chose the model and the tasks, in their words")
    authors: list[Author]
    seeds: list[KnownSetting] = Field(description="a training seed")
    methods: list[KnownText] = Field(description="a method of training")
    sampling_seed: KnownSetting = Field(description="the seed of the samples of rows")
    dtype: KnownText = Field(description="the dtype that the study asks for")
    batch_size: KnownCount = Field(description="the batch size of scoring")
    digest: KnownText = Field(description="the SHA-256 of the study file")


class ModelFacts(Part):
    """The base model, from `model.json`."""

    name: Text = Field(description="the base model's name")
    architecture: Text = Field(description="its class")
    licence: Text = Field(description="its licence")
    url: Text = Field(description="its page")
    source: Text = Field(description="where the weights come from")
    dequantised_from: Text = Field(description="how they were stored, where they were stored quantised")
    revision: Text = Field(description="the commit on the Hub that it was loaded from, where it was")
    fingerprint: Text = Field(description="the SHA-256 of the weights, or that commit")
    config_sha256: Text = Field(description="the SHA-256 of the configuration")
    parameters: Count = Field(description="its parameters")
    context_length_tokens: Count = Field(description="its context length in tokens")
    vocabulary: Count = Field(description="the size of its vocabulary")
    layers: Count = Field(description="its layers")
    hidden_size: Count = Field(description="its hidden size")
