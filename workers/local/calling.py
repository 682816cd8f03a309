"""A job's tools in the engine: whether its model can call them, the grammar where it must, the calls in its answer."""

from tidegate.job import Params
from tidegate.result import FinishReason
from workers import toolcalls
from workers.local.calls import Form, Spoken, Unreadable
from workers.local.failing import Failing
from workers.local.grammar import tools as grammar
from workers.local.grammar.bounds import check_size
from workers.local.prompt import Prompter
from workers.local.protocol import Failure
from workers.local.work import Calling


def form(params: Params, prompter: Prompter) -> Form | None:
    """How the model writes calls of the job's tools; None where it has none. Raises Failing where it cannot."""
    if not params.offered:
        return None
    if not prompter.knows_tools:
        raise Failing(Failure.BAD_REQUEST, "params.tools: the model's chat template has no place for tools")
    if prompter.form is None:
        raise Failing(Failure.BAD_REQUEST, "params.tools: the model's way to write calls is none that is read here")
    if params.response_format is not None and params.response_format.type != "text":
        raise Failing(Failure.BAD_REQUEST, "params.response_format: not beside tools; tool_choice can demand a call")
    check_size([tool.function.parameters for tool in params.tools])
    if (cause := toolcalls.of_tools(params)) is not None:
        raise Failing(Failure.BAD_REQUEST, cause)
    return prompter.form


def gbnf(params: Params, form: Form | None) -> str | None:
    """The grammar that the answer is held to where it must be a call. Raises Failing."""
    return grammar.gbnf(params, form) if form and params.must_call else None


def read(params: Params, form: Form, prompter: Prompter) -> Calling:
    """What finds calls in an answer, while it grows and when it is whole."""

    def taken_apart(text: str, reason: FinishReason) -> Spoken:
        try:
            spoken = form.taken_apart(text)
        except Unreadable:
            cut = ": it was cut by max_tokens" if reason == "length" else ""
            raise Failing(Failure.SCHEMA_INVALID, f"the answer has a call that cannot be read{cut}") from None
        if (cause := toolcalls.problem(spoken.calls, params)) is not None:
            raise Failing(Failure.SCHEMA_INVALID, cause)
        return spoken

    return Calling(taken_apart=taken_apart, safe=form.safe, spellings=prompter.spellings(form.marks))
