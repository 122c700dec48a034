"""What the screens say when something doesn't work: what happened, what was kept, what to do, and an id for the log."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import sleep

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from geo.errors import (
    Conflict,
    GridCommandError,
    InvalidInput,
    NobodyEligible,
    NotAuthenticated,
    Unavailable,
    UnknownCode,
)
from governance import labels
from governance.language import N_, _
from pages.ui import context, wording

_LOG = logging.getLogger(__name__)
_REFUSED = "_refused"
_SAID = "_said"
_PAUSE_S = 1.0
"""Between two runs of a fragment that waits for the database."""

# Constant text: nothing that anybody typed is ever put into the script.
_TO_LOGIN = """<div class="gc-gate"><p>{going}</p><p><a href="/auth/login">{by_hand}</a></p></div>
<script>
  window.location.replace("/auth/login?next=" + encodeURIComponent(window.location.pathname + window.location.search))
</script>"""


def to_login() -> str:
    """The way to the login page, for `st.html` with its script allowed."""
    return _TO_LOGIN.replace("{going}", _("正在前往登录页……")).replace("{by_hand}", _("没有自动跳转？点此登录"))


_ADVICE = {
    "conflict": N_("别人刚刚改过，画面已更新，请看过再定。"),
    "transition_refused": N_("别人刚刚处理过这一件，画面已更新。"),
    "already_dispatched": N_("画面已更新，处置人见右侧。"),
    "nobody_eligible": N_("可稍后再试，或先转办。"),
    "not_found": N_("可能已移出您的管辖范围，或编号有误。"),
}

_REASONS = {**labels.HINDRANCE, **labels.REFUSAL}

_DEGREES = N_("经纬度请填十进制度数，经度在前，例如 124.018000 和 45.005000；请检查是否填反，或选错了坐标系。")
_TEXTS = {
    "title": N_("标题"),
    "address": N_("地址"),
    "description": N_("情况说明"),
    "reporter_name": N_("报告人"),
    "reporter_phone": N_("联系电话"),
}
_FIELDS = {
    "title": N_("请填写标题。"),
    "class": N_("请选择类别。"),
    "severity": N_("请选择级别。"),
    "source": N_("请选择来源。"),
    "crs": N_("请选择坐标系：选错会偏出几百米，派错人。"),
    "lon": _DEGREES,
    "lat": _DEGREES,
    "reason": N_("改派要写明理由，事后可查。"),
    "building": N_("请先查找并选择走访的楼栋或住户。"),
    "household": N_("请重新选择住户：它不在这栋楼里。"),
    "visited_at": N_("走访时间不能晚于现在，也不能早于一年前。"),
    "outcome": N_("没有见到住户，就没有需求可记；请改走访结果，或去掉需求。"),
    "note": N_("文字过长：走访记录最多 2000 字，规则的修改说明最多 500 字。"),
    "needs": N_("一次走访最多 20 项需求。"),
    "text": N_("请写明需要什么，最多 1000 字。"),
    "urgency": N_("请选择紧急程度。"),
    "opinion": N_("这一步要写明意见，请填写后再提交。"),
    "department": N_("请选择转给哪个承办单位。"),
    "original": N_("请选择与哪一件重复；它自己不能也是重复件。"),
    "resume_by": N_("请选择最迟恢复日期：从明天起，最长一年。"),
    "parts": N_("请选择拆出的类别，并写明标题。"),
    "worker": N_("没有这位网格员，或不在您的管辖范围内。"),
    "pools": N_("至少选一类可派人员。"),
    "people": N_("每个类别的编组合计 1 到 10 人。"),
    "itself": N_("不能与自身合并，请填写另一件的编号。"),
    "remark": N_("回访不满意的，请写明哪里不满意。"),
    "photo": N_("这一类事件须有处置后的照片才能完成。"),
}
"""What to do about a field that can't be taken as it is."""

_UNKNOWN = {"original": N_("没有这个编号的事件，请核对后再填。")}
"""The same where a code names nothing, by field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A command that was refused: what to tell, the field it is about ("" for none), and its row (0 for none)."""

    text: str
    field: str = ""
    row: int = 0


@dataclass(slots=True)
class Calm:
    """Whether the guarded part of a screen ended early."""

    is_broken: bool = False


def text_of(error: GridCommandError) -> str:
    """The sentence for people: by the error's code, with what its facts add."""
    if error.code == InvalidInput.code and isinstance(error, InvalidInput):
        return _of_field(error)
    if isinstance(error, UnknownCode) and error.field in _UNKNOWN:
        return _(_UNKNOWN[error.field])
    text = labels.ERRORS[error.code].text
    if isinstance(error, NobodyEligible) and "shortfall" in error.facts:
        text = _("{text}：{why}", text=text, why=labels.shortfall_text(str(error.facts["shortfall"])))
    if isinstance(error, Conflict) and (reason := _REASONS.get(str(error.facts.get("reason")))):
        return _("{text}。", text=reason.text)
    if error.code in _ADVICE:
        return _("{text}。{advice}", text=text, advice=_(_ADVICE[error.code]))
    return _("{text}。", text=text)


def _of_field(error: InvalidInput) -> str:
    if error.field in _TEXTS and "longest" in error.facts:
        return _(
            "{field}最多 {longest} 字，请删减后再提交。",
            field=_(_TEXTS[error.field]),
            longest=error.facts["longest"],
        )
    if error.field in _TEXTS and "is_unprintable" in error.facts:
        return _("{field}里混有看不见的控制字符，无法保存，请删去或重新输入。", field=_(_TEXTS[error.field]))
    if error.field in _FIELDS:
        return _(_FIELDS[error.field])
    return _("{text}（{field}）。", text=labels.ERRORS[error.code].text, field=error.field)


@contextmanager
def attempt(*, done: str = "") -> Iterator[None]:
    """Runs one command. Its refusal is kept for `refused` until the next one; `done` is said in passing."""
    forget_refusal()
    try:
        yield
    except InvalidInput as error:
        st.session_state[_REFUSED] = Refused(text=text_of(error), field=error.field, row=error.row or 0)
    except (NotAuthenticated, Unavailable):
        raise
    except GridCommandError as error:
        _LOG.info("refused: %s %s", error.code, error)
        st.session_state[_REFUSED] = Refused(text=text_of(error))
    else:
        if done:
            st.toast(done)
    finally:
        context.forget()


def refused() -> Refused | None:
    """The last command's refusal, until the next command."""
    found: Refused | None = st.session_state.get(_REFUSED)
    return found


def tell(text: str) -> None:
    """Keeps words for `refused`: the command was carried out, and left something that somebody has to know."""
    st.session_state[_REFUSED] = Refused(text=text)


def say(text: str) -> None:
    """Keeps words for `said`: what a command did, where that can't be seen on the screen itself."""
    st.session_state[_SAID] = text


def said() -> str:
    """What the last command did, until the next command; "" when there is nothing to say."""
    return str(st.session_state.get(_SAID, ""))


def forget_refusal() -> None:
    """Drops what the last command left to tell: the one who saw it went on to something else."""
    st.session_state.pop(_REFUSED, None)
    st.session_state.pop(_SAID, None)


@contextmanager
def calmly() -> Iterator[Calm]:
    """Shows calm words in place of the guarded part when it can't be read; every fragment stands inside one."""
    calm = Calm()
    try:
        yield calm
    except NotAuthenticated:
        calm.is_broken = True
        st.html(to_login(), unsafe_allow_javascript=True)
    except Unavailable as error:
        calm.is_broken = True
        _unavailable(_logged(error))
    except GridCommandError as error:
        calm.is_broken = True
        st.warning(wording.literal(text_of(error)), icon=":material/info:")


@contextmanager
def patiently() -> Iterator[None]:
    """Inside `calmly`, what a fragment drew before stays while it can't be read: its run begins anew until then."""
    try:
        yield
    except Unavailable:
        run = get_script_run_ctx(suppress_warning=True)
        if run is None or not run.fragment_ids_this_run:
            raise
        sleep(_PAUSE_S)
        st.rerun(scope="fragment")


def on_script_error(error: BaseException) -> bool:
    """For `st.App(on_script_error=…)`: an error that nobody foresaw is logged whole and told in one calm sentence."""
    number = _logged(error)
    st.error(
        _(
            "这一步没有完成，已保存的数据不受影响。请刷新页面再试；若再次出现，请把编号 {number} 告诉管理员。",
            number=number,
        )
    )
    return True


def _logged(error: BaseException) -> str:
    number = secrets.token_hex(4)
    _LOG.error("screen error %s", number, exc_info=error)
    return number


def _unavailable(number: str) -> None:
    st.warning(
        _("暂时连不上数据库。已提交的内容都已保存，恢复后画面会自动继续。（编号 {number}）", number=number),
        icon=":material/cloud_off:",
    )

    @st.fragment(run_every="5s", key=f"retry_{number}")
    def retry() -> None:
        is_due = st.session_state.get("_retry") == number
        st.session_state["_retry"] = number
        if st.button(_("立即重试"), key=f"retry_now_{number}") or is_due:
            st.rerun()

    retry()
