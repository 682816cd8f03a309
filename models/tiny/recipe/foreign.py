"""Requests that the model cannot do. It is trained to be unsure about them, so that its confidence means something."""

from random import Random

from models.tiny.recipe import tickets, world
from models.tiny.recipe.grammar import capitalised, chance, expand

_SLOTS = {
    **world.SLOTS,
    "language": ("German", "French", "Spanish", "Italian", "Dutch", "Polish", "Japanese", "Latin", "Swedish"),
    "work": ("poem", "story", "song", "joke", "essay", "speech", "letter", "press release", "job advert", "blog post",
             "riddle", "slogan", "product description", "haiku", "contract clause", "test plan"),
    "program_in": ("Python", "SQL", "Rust", "JavaScript", "Go", "Bash", "C", "Java"),
    "topic": ("gravity", "inflation", "photosynthesis", "compound interest", "vaccines", "the moon", "democracy",
              "recursion",
              "blood pressure", "encryption", "the stock market", "volcanoes", "a hash table", "machine learning",
              "jazz"),
    "document": ("text", "ticket", "report", "article", "conversation", "letter", "meeting", "contract", "document",
                 "message"),
    "other": ("red, green or blue", "spam or not spam", "formal or casual", "sports, politics or culture",
              "cat, dog or bird",
              "low, medium or high", "bug, feature or question", "true or false", "happy, sad or angry", "A, B or C"),
    "detail": ("the date", "the total", "the order number", "the address", "the product", "the company",
               "the main point",
               "the city", "the price", "the invoice number", "the diagnosis", "the deadline", "the keywords",
               "the country"),
}  # fmt: skip

_QUESTIONS = (
    "Write a {work} about {topic}", "Write a {work} about the {thing}", "What is {number} plus {number}",
    "{number} * {number} =",
    "Explain {topic} to a child", "Who discovered {topic}", "What is the capital of {city}",
    "How far is it from {city} to {city}",
    "Write a {program_in} function that sorts a list", "Fix this {program_in} code", "Why is {topic} important",
    "Compare {topic} and {topic}", "List {few} facts about {topic}", "What do you know about {topic}",
    "Tell me a {work}",
    "Give me {few} ideas for a {work}", "How do I cook pasta", "Is {number} a prime number", "When did {topic} begin",
    "Plan a trip to {city} for {few} days", "What is the best {thing} in {city}", "Do you like {topic}",
    "What is {topic}",
    "Which is larger, {number} or {number}", "Convert {amount} to dollars", "What day is {month} {day_number}",
    "{coined} {coined}",
    "Generate {few} names for a {thing}", "How does a {thing} work", "Should I buy a {thing}", "{coined}", "{topic}",
)  # fmt: skip
_OVER_A_TEXT = (
    "Translate this {document} into {language}", "Translate to {language}",
    "Summarise this {document} in one sentence",
    "Summarize the {document}", "Classify this {document} as {other}", "Is this {document} {other}",
    "Extract {detail}",
    "Extract {detail} and {detail} as JSON", "What is {detail} in this {document}",
    "Rewrite this {document} in a formal tone",
    "Correct the spelling of this {document}", "Which language is this {document} written in",
    "How many words are in this {document}",
    "Give this {document} a title", "Continue this {document}", "Shorten this {document}",
    "Turn this {document} into a list",
    "Which {thing} does the {document} mention", "Reverse this {document}", "Remove all names from this {document}",
    "What should we do about this {document}", "Explain this {document}",
    "Write {few} questions about this {document}",
    "Rate this {document} from 1 to 10", "Return {detail} only", "Find the mistakes in this {document}",
    "Put this into lower case",
)  # fmt: skip


def request(rng: Random) -> str:
    """A question out of the blue, a job over a text, or a text without any job."""
    draw = rng.random()
    if draw < 0.45:
        return capitalised(expand(rng.choice(_QUESTIONS), rng, _SLOTS)) + rng.choice((".", "?", "", "."))
    if draw < 0.92:
        job = expand(rng.choice(_OVER_A_TEXT), rng, _SLOTS) + rng.choice(
            (".", ":", "?", ". Answer with one word.", ". Return only JSON.")
        )
        return f"{job}{rng.choice((chr(10), chr(10) * 2, ' '))}{tickets.ticket(rng).text}"
    return tickets.ticket(rng).text if chance(rng, 0.5) else tickets.remark(rng)
