"""A merged model beside its adapter: why it counts as its merge, and whether it kept what the adapter does."""

from pydantic import Field

from report.facts.schema.parts import Count, KnownCount, KnownText, Number, Part, Score, Share, Text


class MergeScore(Part):
    """The scores of a merged model and its adapter on one task."""

    task: KnownText = Field(description="the task's name")
    label: KnownText = Field(description="the primary metric, as the page calls it")
    difference: Score = Field(description="the merged model's score minus the adapter's, paired item by item")
    same: Count = Field(description="items that both answer in the same way")


class Merge(Part):
    """A whole model from elsewhere that counts as the merge of an adapter from elsewhere."""

    adapter: KnownText = Field(description="the adapter's name")
    merged: KnownText = Field(description="the merged model's name")
    recorded: bool = Field(description="whether its `merged_from.json` holds the hash of the adapter's weights")
    in_weights: bool = Field(
        description="whether its weights show it: nothing differs from the base model that the adapter leaves alone, "
        "and at least half of what differs lies along what the adapter adds"
    )
    others: KnownCount = Field(
        description="tensors that differ from the base model's and that the adapter leaves alone"
    )
    cosine: Score = Field(description="the cosine of what differs from the base model with what the adapter adds")
    multiple: Number = Field(description="how many times what the adapter adds stands in what differs; 1 is meant")
    task: Text = Field(description="the task whose items both read")
    items: Count = Field(description="items that both read: what was asked, and the gold answer")
    most_tokens: Count = Field(description="tokens that are read of an item at most, its last ones")
    positions: Count = Field(description="positions whose logits are compared, the last ones of each item")
    dtype: Text = Field(description="the dtype that both compute in")
    mean: Number = Field(description="the mean absolute difference of logits between adapter and merged model")
    largest: Number = Field(description="the largest one")
    effect: Number = Field(description="the mean absolute difference of logits between adapter and base model")
    share: Share = Field(description="`mean` divided by `effect`")
    divergence: Number = Field(description="the largest KL divergence of the merged model from the adapter, in nats")
    same: Share = Field(description="positions with the same most likely token, or label of a classifier")
    scores: list[MergeScore]
