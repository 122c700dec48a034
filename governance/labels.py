"""What people read for every code: Chinese first, English second. The one place where words for codes stand."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Label(NamedTuple):
    """A code's text for people."""

    zh: str
    en: str


Labels = Mapping[str, Label]


def _labels(**texts: tuple[str, str]) -> Labels:
    return MappingProxyType({code.removesuffix("_"): Label(*text) for code, text in texts.items()})


STATUS = _labels(
    reported=("待受理", "reported"),
    accepted=("已受理", "accepted"),
    dispatched=("已派遣", "dispatched"),
    processing=("处置中", "processing"),
    resolved=("已处置待核查", "resolved"),
    closed=("已办结", "closed"),
    rejected=("不予受理", "rejected"),
    returned=("退回", "returned"),
    transferred=("转办", "transferred"),
    suspended=("挂账", "suspended"),
    merged=("重复件", "merged"),
)
SEVERITY: Mapping[int, Label] = MappingProxyType(
    {
        1: Label("特别重大（红）", "most severe (red)"),
        2: Label("重大（橙）", "severe (orange)"),
        3: Label("较大（黄）", "serious (yellow)"),
        4: Label("一般（蓝）", "ordinary (blue)"),
    }
)
SOURCE = _labels(
    patrol=("网格员巡查", "patrol"),
    snapshot=("随手拍", "resident's snapshot"),
    hotline=("12345 热线", "12345 hotline"),
    device=("智能设备", "device alarm"),
    visit=("入户走访", "household visit"),
    deliberation=("议事会", "deliberation"),
    department=("部门转办", "department"),
)
ASSIGNMENT = _labels(
    sent=("已派出", "sent"),
    acknowledged=("已接单", "acknowledged"),
    arrived=("已到场", "arrived"),
    done=("已完成", "done"),
    refused=("拒接", "refused"),
    withdrawn=("已撤回", "withdrawn"),
    timed_out=("超时未接", "timed out"),
    handed_over=("已交接", "handed over"),
)
ACTION = _labels(
    report=("上报", "report"),
    confirm=("核实属实", "confirm on the spot"),
    accept=("受理", "accept"),
    reject=("不予受理", "reject"),
    dispatch=("派单", "dispatch"),
    acknowledge=("接单", "acknowledge"),
    refuse=("拒接", "refuse"),
    time_out=("超时未接", "time out"),
    arrive=("到场", "arrive"),
    reinforce=("增派", "reinforce"),
    reassign=("改派", "reassign"),
    hand_over=("交接", "hand over"),
    resolve=("处置完成", "resolve"),
    verify=("核查办结", "verify and close"),
    rework=("返工", "rework"),
    return_=("退回", "return"),
    transfer=("转办", "transfer"),
    suspend=("挂账", "suspend"),
    resume=("恢复办理", "resume"),
    merge=("并为重复件", "merge"),
    split=("拆分", "split"),
    withdraw=("撤回派单", "withdraw"),
    reopen=("重新办理", "reopen"),
    supervise=("督办", "supervise"),
    release=("解除督办", "release from supervision"),
    extend=("申请延期", "ask for an extension"),
    grant=("同意延期", "grant the extension"),
    deny=("不同意延期", "deny the extension"),
    appeal=("超期申诉", "appeal"),
    review=("申诉审核", "review the appeal"),
)
ROLE = _labels(
    viewer=("大屏观看", "viewer"),
    officer=("街道干部", "street officer"),
    planner=("规划员", "planner"),
    dispatcher=("调度员", "dispatcher"),
    admin=("管理员", "administrator"),
    system=("系统", "system"),
)
PERMISSION = _labels(
    read_layers=("查看图层", "read layers"),
    read_personal=("查看姓名电话", "read names and phones"),
    read_sensitive=("查看敏感事件", "read sensitive incidents"),
    export_layers=("导出图层", "export layers"),
    report_incident=("上报事件", "report incidents"),
    advance_incident=("办理事件", "advance incidents"),
    dispatch=("派遣网格员", "dispatch workers"),
    supervise=("督办事件", "supervise incidents"),
    decide_time=("审批延期与申诉", "decide on extensions and appeals"),
    manage_policy=("管理派遣规则", "manage the dispatch policy"),
    edit_geography=("编辑网格", "edit grids"),
    feed_positions=("接入实时位置", "feed positions"),
    record_visits=("入户走访", "record household visits"),
    manage_accounts=("管理账号", "manage accounts"),
)
GRID_LEVEL = _labels(
    street=("街道", "street"),
    community=("社区", "community"),
    quarter=("小区", "quarter"),
    building=("楼宇", "building"),
)
GRID_KIND = _labels(basic=("基础网格", "basic grid"), exclusive=("专属网格", "exclusive grid"))
PLACE_CATEGORY = _labels(
    station=("服务站", "station"),
    centre=("社区中心", "centre"),
    canteen=("社区食堂", "canteen"),
    venue=("议事场所", "venue"),
)
PLACE_KIND = _labels(
    warm_stop=("暖心驿站", "warm stop"),
    errand_point=("零跑代办点", "errand point"),
    tool_station=("便民工具站", "tool station"),
    community_centre=("党群服务中心", "community centre"),
    community_canteen=("社区食堂", "community canteen"),
    tea_room=("邻里茶话室", "tea room"),
    residents_hall=("居民议事厅", "residents' hall"),
    building_corner=("楼栋议事角", "building corner"),
)
DEVICE_KIND = _labels(
    camera=("智能抓拍", "camera"),
    access_gate=("智能门禁", "access gate"),
    charging_pile=("智能充电桩", "charging pile"),
    video_intercom=("智能可视对讲", "video intercom"),
)
DEVICE_STATUS = _labels(online=("在线", "online"), offline=("离线", "offline"), alarm=("告警", "alarm"))
BUILDING_USAGE = _labels(residential=("住宅", "residential"), business=("商务", "business"), public=("公共", "public"))
VISIT_OUTCOME = _labels(met=("见到住户", "met"), absent=("家中无人", "nobody at home"), refused=("不愿受访", "refused"))
NEED_STATUS = _labels(
    gathered=("待处理", "gathered"),
    handed_over=("已转接", "handed over"),
    settled_on_spot=("当场办结", "settled on the spot"),
    closed=("已办结", "closed"),
)
URGENCY = _labels(ordinary=("一般", "ordinary"), soon=("较急", "soon"), urgent=("紧急", "urgent"))
EMPLOYMENT = _labels(full_time=("日常网格员", "full-time"), part_time=("兼职网格员", "part-time"))
ORIGIN = _labels(
    community_staff=("社区工作者", "community staff"),
    party_member=("双报到党员", "party member"),
    police=("民警", "police"),
    lawyer=("律师", "lawyer"),
    volunteer=("志愿者", "volunteer"),
)
POST = _labels(
    grid_chief=("网格长", "grid chief"),
    building_chief=("楼长", "building chief"),
    unit_chief=("单元长", "unit chief"),
)
DUTY = _labels(
    information_collection=("信息采集", "information collection"),
    hazard_inspection=("隐患排查", "hazard inspection"),
    interviews=("约谈接访", "interviews and visits received"),
    community_affairs=("社区事务", "community affairs"),
)
DOMAIN = _labels(
    party=("党务", "party affairs"),
    civil_affairs=("民政", "civil affairs"),
    politics_law=("政法", "politics and law"),
    health=("卫健", "health"),
    safety=("安监消防", "safety and fire"),
)
AVAILABILITY = _labels(available=("空闲", "available"), busy=("处置中", "busy"), off_duty=("未在岗", "off duty"))
POSITION_SOURCE = _labels(
    fresh=("实时位置", "fresh position"), stale=("位置过时", "stale position"), post=("按岗位网格计", "at the post")
)
TRAVEL_MODE = _labels(walk=("步行", "on foot"), ebike=("电动车", "e-bike"), car=("汽车", "car"))
RING = _labels(
    own=("本网格", "own grid"),
    sibling=("同社区相邻网格", "sibling grid"),
    community=("本社区", "community"),
    street=("本街道", "street"),
    anyone=("跨街道", "anyone"),
)
EXCLUSION = _labels(
    other_pool=("非派遣人员", "not in the dispatch pool"),
    off_duty=("未在岗", "off duty"),
    other_role=("非所需岗位或来源", "of another role"),
    no_skill=("无所需技能", "without the skill"),
    sent=("已派往本事件", "sent here already"),
    at_cap=("任务已满", "at the cap"),
    declined=("已拒接、超时未接或已交接", "declined it or handed it over"),
    resting=("任务后休息中", "resting after a task"),
    stale=("位置过时", "position too old"),
    too_far=("距离过远", "too far"),
)
SHORTFALL = _labels(
    nobody_on_duty=("没有在岗的派遣人员", "nobody is on duty"),
    nobody_of_role=("在岗人员都不是所需岗位或来源", "nobody on duty is of the role"),
    nobody_with_skill=("在岗人员都没有所需技能", "nobody on duty has the skill"),
    all_sent=("符合条件的人员都已派往本事件", "everybody who fits was sent here already"),
    all_at_cap=("符合条件的人员任务都已满", "everybody who fits holds all they may"),
    all_declined=("符合条件的人员都已拒接、超时未接或已交接", "everybody who fits declined it or handed it over"),
    all_resting=("符合条件的人员都在任务后休息", "everybody who fits is resting after a task"),
    all_stale=("符合条件的人员位置都已过时", "the positions of everybody who fits are too old"),
    all_too_far=("符合条件的人员都超出最远派遣距离", "everybody who fits is too far away"),
)
HINDRANCE = _labels(
    supervised_already=("已在督办", "supervised already"),
    not_supervised=("没有在督办", "not under supervision"),
    not_confirmed=("这一类事件要先现场核实，再受理", "this class is confirmed on the spot before it is accepted"),
    confirmed_already=("已经核实过", "confirmed already"),
    part_open=("拆分出的事件还没有办结", "a part that was split off is open"),
    whole_closed=(
        "它是拆分出的一件，原事件已办结，请先重新办理原事件",
        "the incident that it is a part of is closed: reopen that first",
    ),
    departments_work=("这一件由部门处置，请再次转办", "a department did the work: hand it to one again"),
    has_duplicates=("已有重复件并入这一件，不能再并入别的事件", "other incidents were merged into this one"),
    suspended_before=("已经挂账过一次，不能再挂账", "it was put off once already"),
    extended_twice=("已经延期两次，不能再延", "it was extended twice already"),
    extension_asked=("已有一份延期申请在等审批", "an extension is asked for already"),
    no_extension_asked=("没有等待审批的延期申请", "no extension is asked for"),
    not_late=("这一件没有超期，无需申诉", "it was settled in time"),
    appealed_already=("每件只能申诉一次", "it was appealed once already"),
    no_appeal=("没有等待审核的申诉", "there is no appeal to review"),
)
REFUSAL = _labels(
    own_request=("自己提出的要由别人审批", "somebody else decides on one's own request"),
    at_cap=("原处置人手头任务已满，请改派他人", "whoever did the work holds all they may"),
    overdue=(
        "已经超过总时限，不能再申请延期；办结后可以申诉",
        "past its deadline: no extension can be asked for any more",
    ),
    original_finished=(
        "要并入的事件已经结束，请并入仍在办理的事件，或单独办理",
        "that incident is finished: merge into an open one",
    ),
    own_part=("不能并入由它自己拆分出的事件", "an incident can't be merged into a part of itself"),
    finished=("事件已经结束，不能再加照片；需要补充请先重新办理", "the incident is finished: reopen it to add photos"),
    not_sent=("这名网格员已不在这一件的派单中，可能已改派他人", "that worker isn't sent here any more"),
    not_planned=("已不符合派单规则，请重新统筹", "the rules don't let that worker go any more, plan again"),
    other_request=("这个请求编号已用于另一次派单", "the key was used for another request"),
)
CLOCK = _labels(
    urgent_hour=("紧急工作时", "urgent hours"),
    work_hour=("工作时", "working hours"),
    work_day=("工作日", "working days"),
    calendar_day=("自然日", "calendar days"),
)
LATENESS = _labels(
    on_time=("正常", "on time"),
    warning=("临期", "due soon"),
    overdue=("超期", "overdue"),
    very_overdue=("严重超期", "very overdue"),
)
STAGE = _labels(accept=("受理", "accepting"), dispatch=("派遣", "dispatching"), verify=("核查", "verifying"))
CALENDAR_DAY = _labels(holiday=("法定节假日", "legal holiday"), workday=("调休上班", "worked weekend"))
NOTICE = _labels(
    holidays_end=(
        "节假日表只到 {day}，之后的节假日按平日计算；请用 gridcommand import calendar 导入下一年",
        "the table of holidays ends on {day}, later ones count as ordinary days: see gridcommand import calendar",
    ),
)
ROAD_CLASS = _labels(
    trunk=("公路", "highway"),
    main=("主干路", "main road"),
    side=("次干路", "side road"),
    lane=("支路", "lane"),
    path=("小路", "path"),
)
BLOCK_USE = _labels(
    residential=("居住用地", "residential"),
    business=("商业用地", "business"),
    public=("公共用地", "public"),
    park=("公园绿地", "park"),
    industrial=("工业用地", "industrial"),
    farm=("农田", "farmland"),
)
CRS = _labels(
    wgs84=("WGS-84（GPS、卫星定位）", "WGS 84 (GPS)"),
    cgcs2000=("CGCS2000（国家测绘、天地图）", "CGCS2000 (surveying, Tianditu)"),
    gcj02=("GCJ-02（高德、腾讯地图、手机）", "GCJ-02 (Amap, Tencent, phones)"),
    bd09=("BD-09（百度地图）", "BD-09 (Baidu)"),
)
ORGANISATION_LEVEL = _labels(
    street_committee=("街道党工委", "street committee"),
    community_general_branch=("社区党总支", "community general branch"),
    grid_branch=("小区网格党支部", "grid branch"),
    building_group=("楼栋党小组", "building group"),
    member_household=("党员中心户", "member household"),
)
LAYERS = _labels(
    grids=("网格", "grids"),
    stations=("网格服务站", "service stations"),
    venues=("议事场所", "deliberation venues"),
    centres=("党群中心与食堂", "centres and canteens"),
    devices=("智能设备", "devices"),
    buildings=("楼栋", "buildings"),
    incidents=("事件", "incidents"),
    workers=("网格员", "grid workers"),
)
PROPERTIES = _labels(
    code=("编号", "code"),
    no=("事件编号", "number"),
    name=("名称", "name"),
    title=("标题", "title"),
    full_name=("姓名", "full name"),
    phone=("电话", "phone"),
    full_phone=("完整电话", "full phone"),
    grid_code=("网格代码", "grid code"),
    grid_name=("所属网格", "grid"),
    quarter_code=("小区代码", "quarter code"),
    parent_code=("上级网格", "parent grid"),
    level=("层级", "level"),
    kind=("类型", "kind"),
    status=("状态", "status"),
    status_at=("状态时间", "status since"),
    domains=("业务线", "domains"),
    area_m2=("面积（平方米）", "area in m²"),
    address=("地址", "address"),
    opening_hours=("开放时间", "opening hours"),
    usage=("用途", "usage"),
    floors=("层数", "floors"),
    class_=("类别代码", "class"),
    class_name=("类别", "class name"),
    major=("大类", "major class"),
    severity=("级别", "severity"),
    source=("来源", "source"),
    is_open=("未办结", "open"),
    is_overdue=("超期", "overdue"),
    is_outside_grid=("网格外", "outside of all grids"),
    reported_at=("上报时间", "reported at"),
    due_at=("下一时限", "due at"),
    worker=("处置人", "worker"),
    worker_full_name=("处置人姓名", "worker's full name"),
    employment=("用工形式", "employment"),
    origin=("人员来源", "origin"),
    availability=("可派状态", "availability"),
    skills=("技能", "skills"),
    load=("手头任务", "open tasks"),
    cap=("任务上限", "cap"),
    position_source=("位置来源", "position source"),
    positioned_at=("定位时间", "positioned at"),
)
PHOTO_PHASE = _labels(before=("处置前", "before"), after=("处置后", "after"))
PHOTO_FAULT = _labels(
    empty=("文件是空的", "the file is empty"),
    too_large=("超过 10 MB，请压缩后再传", "over 10 MB"),
    too_many_pixels=("超过 4000 万像素，请缩小后再传", "over 40 megapixels"),
    not_a_photo=("不是照片，只收 JPEG、PNG、WebP", "not a photo: JPEG, PNG and WebP are taken"),
    heic=("HEIC 格式暂不支持，请在手机相机设置里改用“兼容性最佳”（JPEG）", "HEIC isn't read here; send JPEG"),
    broken=("文件已损坏或没有传完，请重新选择", "the file is damaged or cut short"),
    phase_full=("这一阶段已有 9 张，不能再加", "this phase has nine photos already"),
    same_photo=("这张照片已经传过", "this photo is there already"),
    before_is_after=("同一张照片不能既作处置前又作处置后", "one photo can't show both before and after"),
)
ERRORS = _labels(
    internal=("系统出错，已记录；请重试，仍不行请把编号告诉管理员", "an internal error; it has been logged"),
    invalid_input=("填写有误，请按提示修改", "the input is not valid"),
    outside_county=("位置不在本县范围内，请检查坐标和坐标系", "the place lies outside the county"),
    unknown_code=("没有这个代码，请从列表中选择", "there is nothing under this code"),
    not_authenticated=("请先登录", "log in first"),
    not_permitted=("当前账号无权进行此操作", "this account may not do that"),
    not_found=("没有找到，或不在您的管辖范围内", "not found, or out of your scope"),
    conflict=("情况已变化，请刷新后再试", "somebody else was first"),
    transition_refused=("事件当前状态不能进行此操作", "the incident's status doesn't allow that"),
    already_dispatched=("已经派过人了，请查看当前处置人", "somebody has been sent already"),
    nobody_eligible=("没有可派的人员", "nobody can be sent"),
    damaged=("存档文件缺失或已被改动，请联系管理员从备份恢复", "a kept file is missing or was changed"),
    unavailable=("数据库暂时连不上，系统会自动重连", "the database can't be reached just now"),
)


def action_text(action: str) -> str:
    """The Chinese word for a step's action; an unknown one stands as it is."""
    return ACTION[action].zh if action in ACTION else action


def reason_text(reason: str) -> str:
    """What kept a command from being carried out or a place from being filled, in Chinese; "" for an unknown code."""
    found = next((group[reason] for group in (HINDRANCE, REFUSAL, SHORTFALL) if reason in group), None)
    return "" if found is None else found.zh


def shortfall_text(shortfall: str) -> str:
    """Why nobody can be sent, in Chinese."""
    return SHORTFALL[shortfall].zh if shortfall in SHORTFALL else ERRORS["nobody_eligible"].zh
