"""Reviews with a known sentiment. Praise and blame in one review, and plain facts, count as neutral."""

from random import Random

from models.tiny.recipe import world
from models.tiny.recipe.grammar import capitalised, chance, expand

POSITIVE, NEGATIVE, NEUTRAL = LABELS = ("positive", "negative", "neutral")

_GOOD = ("great", "good", "excellent", "wonderful", "fantastic", "amazing", "lovely", "perfect", "superb",
         "brilliant",
         "outstanding", "friendly", "helpful", "very good", "really nice", "beautiful", "fast", "reliable",
         "delicious",
         "comfortable", "easy to use", "impressive", "awesome", "kind", "professional", "clean", "quick",
         "delightful",
         "incredible", "well made", "top", "better than expected", "so good", "charming", "pleasant", "flawless",
         "worth every cent", "patient", "polite", "a pleasure", "simply the best", "solid", "nice")  # fmt: skip
_BAD = ("terrible", "bad", "awful", "horrible", "poor", "disappointing", "rude", "slow", "broken", "dirty", "useless",
        "ugly", "boring", "unreliable", "overpriced", "very bad", "really slow", "cold", "noisy", "cheap and flimsy",
        "worse than expected", "unfriendly", "a disaster", "a waste of money", "confusing", "buggy", "unacceptable",
        "late", "damaged", "faulty", "dreadful", "disgusting", "a nightmare", "full of errors", "frustrating",
        "stale",
        "uncomfortable", "unhelpful", "the worst", "a joke", "a mess", "too expensive", "defective",
        "annoying")  # fmt: skip
_PLAIN = ("okay", "average", "fine, nothing special", "as described", "neither good nor bad", "acceptable",
          "ordinary",
          "what I expected", "so-so", "all right", "standard", "as expected", "normal", "mediocre but usable", "fair",
          "not good and not bad", "nothing special", "about average")  # fmt: skip

_SLOTS = {
    **world.SLOTS,
    "good": _GOOD,
    "bad": _BAD,
    "plain": _PLAIN,
    "very": ("", "", "really ", "so ", "just ", "truly ", "absolutely "),
    "was": ("was", "is", "was", "is", "seems", "looks"),
    "be": ("was", "is"),
    "like": ("love", "really like", "enjoyed", "loved", "adore", "liked", "appreciate", "recommend", "can recommend"),
    "dislike": ("hate", "hated", "dislike", "regret buying", "am disappointed by", "do not like", "did not like",
                "cannot recommend", "would not recommend", "did not enjoy", "am unhappy with", "don't like"),
    "praise": ("I am very happy", "Highly recommended", "I would buy it again", "Thank you so much", "Five stars",
               "I will come back", "Keep up the good work", "I could not be happier", "Well done", "10 out of 10",
               "What a pleasure", "My family loves it", "It made my day", "It works perfectly",
               "No complaints at all",
               "Everything went smoothly", "I am impressed", "Exactly what I needed", "Best purchase this year",
               "We had a great time", "I can only recommend it", "It exceeded my expectations",
               "I feel well cared for",
               "I'm so glad I found it", "Thanks to the whole team", "Works like a charm", "Very satisfied",
               "It saved me a lot of time", "They solved my problem in minutes", "I love it",
               "It fixed my problem at once", "{first} explained everything well", "The {thing} was spotless",
               "It is a joy to use", "They took good care of me", "It arrived a day early",
               "It still works after {few} years",
               "The {thing} made my work easier", "I felt welcome", "{first} was patient and explained everything",
               "I was delighted with the {thing}", "We were treated like family", "It runs smoothly"),
    "blame": ("I am very unhappy", "Never again", "I want my money back", "One star", "Avoid it", "Do not buy this",
              "It stopped working after {few} {unit}", "Nobody answered my calls", "I waited {few} hours for nothing",
              "I am so disappointed", "What a waste of time", "It broke after {few} {unit}", "I regret it",
              "It crashes all the time", "Nobody helped me", "I will not come back", "It never arrived", "Stay away",
              "It does not work", "It arrived broken", "They ignored me", "I am angry", "The worst I have ever had",
              "It fell apart", "Zero stars", "It ruined my day", "I had to return it", "Nothing works", "I hate it",
              "They charged me too much", "It doesn't work at all", "Very dissatisfied", "I expected much more",
              "It broke everything", "The update broke my {thing}", "Support ignored me",
              "The {thing} broke after one week", "They lost my {thing}", "I was treated badly",
              "We had to wait for hours",
              "The {first} I spoke to was rude to me", "It failed again", "They never answered", "It keeps breaking",
              "It made everything worse", "I waited {few} hours and then {first} was {bad}",
              "The {thing} failed and nobody cared"),
    "fact": ("I bought it {when}", "It arrived {when}", "It comes in {colour}", "It has two buttons and a cable",
             "I ordered the {size} one", "We went there {when}", "The shop opens at {hour}", "It does the job",
             "I have used it for {few} {unit}", "It costs {amount}", "The {thing} is {colour}", "It is made of wood",
             "I picked it up in {city}", "The {thing} comes with a manual", "There is a parking lot next to it",
             "I have no strong opinion", "I have not decided yet", "It is a {thing} like any other",
             "I visited {when}",
             "The box contains one {goods}", "My order number is {number}", "The {thing} was delivered {when}",
             "We stayed for {few} days", "It weighs two kilos", "The {thing} is in {city}", "It was {plain}",
             "The package contained one {goods} and a manual", "The {thing} has {few} parts",
             "The {thing} is open until {hour}", "It was replaced {when}", "The manual is in English"),
}  # fmt: skip

_ABOUT = {
    POSITIVE: (
        "the {thing} {was} {very}{good}", "the {thing} {was} {good} and {good}", "I {like} the {thing}", "{praise}",
        "{good} {thing}", "{good} {thing}, {good} {thing}", "the {thing} {be} not {bad} at all, I {like} it",
        "what a {good} {thing}", "I {like} this {thing}, it {be} {good}", "the {thing} and the {thing} were {good}",
        "I have never had such a {good} {thing}", "{good}", "{first} at the {thing} was {good}",
        "I thought it would be {bad}, but the {thing} {was} {good}", "there is nothing {bad} about the {thing}",
    ),
    NEGATIVE: (
        "the {thing} {was} {very}{bad}", "the {thing} {was} {bad} and {bad}", "I {dislike} the {thing}", "{blame}",
        "{bad} {thing}", "{bad} {thing}, {bad} {thing}", "the {thing} {be} not {good}", "what a {bad} {thing}",
        "I {dislike} this {thing}, it {be} {bad}", "the {thing} and the {thing} were {bad}", "{bad}",
        "I have never had such a {bad} {thing}", "the {thing} {be} not {good} at all",
        "{first} at the {thing} was {bad}",
        "I thought it would be {good}, but the {thing} {was} {bad}", "there is nothing {good} about the {thing}",
    ),
    NEUTRAL: (
        "the {thing} {was} {plain}", "{fact}", "{fact}", "{plain}",
        "the {thing} {was} {good}, but the {thing} {was} {bad}",
        "the {thing} {was} {bad}, but the {thing} {was} {good}", "{good} {thing}, {bad} {thing}", "{fact}",
        "on the one hand the {thing} {was} {good}, on the other hand the {thing} {was} {bad}",
    ),
}  # fmt: skip
_FOLLOW_UPS = {POSITIVE: ("{praise}", "{fact}", "the {thing} {was} {good}"),
               NEGATIVE: ("{blame}", "{fact}", "the {thing} {was} {bad}"),
               NEUTRAL: ("{fact}", "{fact}", "it {be} {plain}")}  # fmt: skip
_ENDS = (".", ".", ".", "!", "")


def review(rng: Random, *, label: str) -> str:
    """One to three sentences of this sentiment; a fact may stand before or after an opinion."""
    shapes = [rng.choice(_ABOUT[label])]
    shapes += [rng.choice(_FOLLOW_UPS[label]) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    if chance(rng, 0.1):
        shapes.insert(0, "{fact}")
    text = " ".join(_sentence(shape, rng) for shape in shapes)
    return text.lower() if chance(rng, 0.1) else text


def _sentence(shape: str, rng: Random) -> str:
    return capitalised(expand(shape, rng, _SLOTS)) + rng.choice(_ENDS)
