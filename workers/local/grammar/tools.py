"""Tools that must be called -> a grammar: a call in the model's own form, its arguments by the tool's schema."""

from tidegate.job import Params
from tidegate.tools import ChosenTool
from workers.local.calls import NAME, Form
from workers.local.failing import Failing
from workers.local.grammar import schema
from workers.local.grammar.terms import literal, refused
from workers.toolcalls import schema_of


def gbnf(params: Params, form: Form) -> str:
    """The grammar of an answer that is calls and nothing else. Raises Failing that names the tool by its place."""
    rules: dict[str, str] = {}
    for index, tool in enumerate(params.offered):
        rules |= _arguments(index, params)
        before, after = (part.replace(NAME, tool.function.name) for part in form.call)
        rules[f"call{index}"] = f"{literal(before)} f{index}-root {literal(after)}"
    rules["call"] = " | ".join(f"call{index}" for index in range(len(params.offered)))
    before, after = map(literal, form.around)
    rules["root"] = f"{before} call ({literal(form.between)} call){{0,{_most(params, form) - 1}}} {after}"
    if sum(map(len, rules.values())) > schema.MAX_CHARS:
        raise refused("so many tools")
    return schema.written(rules)


def _arguments(index: int, params: Params) -> dict[str, str]:
    try:
        return schema.rules(schema_of(params.offered[index].function), prefix=f"f{index}-")
    except Failing as exc:
        raise Failing(exc.failure, f"params.tools: {exc}") from None


def _most(params: Params, form: Form) -> int:
    alone = params.parallel_tool_calls is False or isinstance(params.tool_choice, ChosenTool)
    return 1 if alone else form.most
