"""What people read for every code, the one place where words for codes stand.

They stand in Chinese; the catalogues have them in every other language, each under the name of its group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from governance.language import _p, spoken


@dataclass(frozen=True, slots=True)
class Label:
    """A code's text for people. `group` tells it from the same words for something else (转办: done, or to be done)."""

    zh: str
    group: str

    @property
    def text(self) -> str:
        """In the language that is read."""
        return _p(self.group, self.zh)

    def said(self, code: str) -> str:
        """In the language `code`, whoever reads."""
        with spoken(code):
            return self.text


Labels = Mapping[str, Label]


def _labels(group: str, /, **texts: str) -> Labels:
    return MappingProxyType({code.removesuffix("_"): Label(zh, group) for code, zh in texts.items()})


STATUS = _labels(
    "status",
    reported="待受理",
    accepted="已受理",
    dispatched="已派遣",
    processing="处置中",
    resolved="已处置待核查",
    closed="已办结",
    rejected="不予受理",
    returned="退回",
    transferred="转办",
    suspended="挂账",
    merged="重复件",
)
SEVERITY: Mapping[int, Label] = MappingProxyType(
    {
        1: Label("特别重大（红）", "severity"),
        2: Label("重大（橙）", "severity"),
        3: Label("较大（黄）", "severity"),
        4: Label("一般（蓝）", "severity"),
    }
)
SEVERITY_WORD: Mapping[int, Label] = MappingProxyType(
    {
        1: Label("特别重大", "severity_word"),
        2: Label("重大", "severity_word"),
        3: Label("较大", "severity_word"),
        4: Label("一般", "severity_word"),
    }
)
SEVERITY_LEVEL: Mapping[int, Label] = MappingProxyType(
    {
        1: Label("I 级", "severity_level"),
        2: Label("II 级", "severity_level"),
        3: Label("III 级", "severity_level"),
        4: Label("IV 级", "severity_level"),
    }
)
SOURCE = _labels(
    "source",
    patrol="网格员巡查",
    snapshot="随手拍",
    hotline="12345 热线",
    device="智能设备",
    visit="入户走访",
    deliberation="议事会",
    department="部门转办",
)
ASSIGNMENT = _labels(
    "assignment",
    sent="已派出",
    acknowledged="已接单",
    arrived="已到场",
    done="已完成",
    refused="拒接",
    withdrawn="已撤回",
    timed_out="超时未接",
    handed_over="已交接",
)
ACTION = _labels(
    "action",
    report="上报",
    confirm="核实属实",
    accept="受理",
    reject="不予受理",
    dispatch="派单",
    acknowledge="接单",
    refuse="拒接",
    time_out="超时未接",
    arrive="到场",
    reinforce="增派",
    reassign="改派",
    hand_over="交接",
    resolve="处置完成",
    verify="核查办结",
    rework="返工",
    return_="退回",
    transfer="转办",
    suspend="挂账",
    resume="恢复办理",
    merge="并为重复件",
    split="拆分",
    withdraw="撤回派单",
    reopen="重新办理",
    supervise="督办",
    release="解除督办",
    extend="申请延期",
    grant="同意延期",
    deny="不同意延期",
    appeal="超期申诉",
    review="申诉审核",
)
ROLE = _labels(
    "role", viewer="大屏观看", officer="街道干部", planner="规划员", dispatcher="调度员", admin="管理员", system="系统"
)
PERMISSION = _labels(
    "permission",
    read_layers="查看图层",
    read_personal="查看姓名电话",
    read_sensitive="查看敏感事件",
    export_layers="导出图层",
    report_incident="上报事件",
    advance_incident="办理事件",
    dispatch="派遣网格员",
    supervise="督办事件",
    decide_time="审批延期与申诉",
    manage_policy="管理派遣规则",
    edit_geography="编辑网格",
    feed_positions="接入实时位置",
    record_visits="入户走访",
    manage_accounts="管理账号",
)
GRID_LEVEL = _labels("grid_level", street="街道", community="社区", quarter="小区", building="楼宇")
GRID_SIZE = _labels(
    "grid_size",
    street="街道（大网格）",
    community="社区（中网格）",
    quarter="小区（小网格）",
    building="楼宇（微网格）",
)
GRID_KIND = _labels("grid_kind", basic="基础网格", exclusive="专属网格")
PLACE_CATEGORY = _labels("place_category", station="服务站", centre="社区中心", canteen="社区食堂", venue="议事场所")
PLACE_KIND = _labels(
    "place_kind",
    warm_stop="暖心驿站",
    errand_point="零跑代办点",
    tool_station="便民工具站",
    community_centre="党群服务中心",
    community_canteen="社区食堂",
    tea_room="邻里茶话室",
    residents_hall="居民议事厅",
    building_corner="楼栋议事角",
)
DEVICE_KIND = _labels(
    "device_kind", camera="智能抓拍", access_gate="智能门禁", charging_pile="智能充电桩", video_intercom="智能可视对讲"
)
DEVICE_STATUS = _labels("device_status", online="在线", offline="离线", alarm="告警")
BUILDING_USAGE = _labels("building_usage", residential="住宅", business="商务", public="公共")
VISIT_OUTCOME = _labels("visit_outcome", met="见到住户", absent="家中无人", refused="不愿受访")
NEED_STATUS = _labels(
    "need_status", gathered="待处理", handed_over="已转接", settled_on_spot="当场办结", closed="已办结"
)
URGENCY = _labels("urgency", ordinary="一般", soon="较急", urgent="紧急")
EMPLOYMENT = _labels("employment", full_time="日常网格员", part_time="兼职网格员")
ORIGIN = _labels(
    "origin", community_staff="社区工作者", party_member="双报到党员", police="民警", lawyer="律师", volunteer="志愿者"
)
POST = _labels("post", grid_chief="网格长", building_chief="楼长", unit_chief="单元长")
DUTY = _labels(
    "duty",
    information_collection="信息采集",
    hazard_inspection="隐患排查",
    interviews="约谈接访",
    community_affairs="社区事务",
)
DOMAIN = _labels("domain", party="党务", civil_affairs="民政", politics_law="政法", health="卫健", safety="安监消防")
AVAILABILITY = _labels("availability", available="空闲", busy="处置中", off_duty="未在岗")
POSITION_SOURCE = _labels("position_source", fresh="实时位置", stale="位置过时", post="按岗位网格计")
TRAVEL_MODE = _labels("travel_mode", walk="步行", ebike="电动车", car="汽车")
RING = _labels("ring", own="本网格", sibling="同社区相邻网格", community="本社区", street="本街道", anyone="跨街道")
EXCLUSION = _labels(
    "exclusion",
    other_pool="非派遣人员",
    off_duty="未在岗",
    other_role="非所需岗位或来源",
    no_skill="无所需技能",
    sent="已派往本事件",
    at_cap="任务已满",
    declined="已拒接、超时未接或已交接",
    resting="任务后休息中",
    stale="位置过时",
    too_far="距离过远",
)
SHORTFALL = _labels(
    "shortfall",
    nobody_on_duty="没有在岗的派遣人员",
    nobody_of_role="在岗人员都不是所需岗位或来源",
    nobody_with_skill="在岗人员都没有所需技能",
    all_sent="符合条件的人员都已派往本事件",
    all_at_cap="符合条件的人员任务都已满",
    all_declined="符合条件的人员都已拒接、超时未接或已交接",
    all_resting="符合条件的人员都在任务后休息",
    all_stale="符合条件的人员位置都已过时",
    all_too_far="符合条件的人员都超出最远派遣距离",
)
HINDRANCE = _labels(
    "hindrance",
    supervised_already="已在督办",
    not_supervised="没有在督办",
    not_confirmed="这一类事件要先现场核实，再受理",
    confirmed_already="已经核实过",
    part_open="拆分出的事件还没有办结",
    whole_closed="它是拆分出的一件，原事件已办结，请先重新办理原事件",
    departments_work="这一件由部门处置，请再次转办",
    has_duplicates="已有重复件并入这一件，不能再并入别的事件",
    suspended_before="已经挂账过一次，不能再挂账",
    extended_twice="已经延期两次，不能再延",
    extension_asked="已有一份延期申请在等审批",
    no_extension_asked="没有等待审批的延期申请",
    not_late="这一件没有超期，无需申诉",
    appealed_already="每件只能申诉一次",
    no_appeal="没有等待审核的申诉",
)
REFUSAL = _labels(
    "refusal",
    own_request="自己提出的要由别人审批",
    at_cap="原处置人手头任务已满，请改派他人",
    overdue="已经超过总时限，不能再申请延期；办结后可以申诉",
    original_finished="要并入的事件已经结束，请并入仍在办理的事件，或单独办理",
    own_part="不能并入由它自己拆分出的事件",
    finished="事件已经结束，不能再加照片；需要补充请先重新办理",
    not_sent="这名网格员已不在这一件的派单中，可能已改派他人",
    not_planned="已不符合派单规则，请重新统筹",
    other_request="这个请求编号已用于另一次派单",
)
CLOCK = _labels("clock", urgent_hour="紧急工作时", work_hour="工作时", work_day="工作日", calendar_day="自然日")
LATENESS = _labels("lateness", on_time="正常", warning="临期", overdue="超期", very_overdue="严重超期")
STAGE = _labels("stage", accept="受理", dispatch="派遣", verify="核查")
CALENDAR_DAY = _labels("calendar_day", holiday="法定节假日", workday="调休上班")
NOTICE = _labels(
    "notice", holidays_end="节假日表只到 {day}，之后的节假日按平日计算；请用 gridcommand import calendar 导入下一年"
)
ROAD_CLASS = _labels("road_class", trunk="公路", main="主干路", side="次干路", lane="支路", path="小路")
BLOCK_USE = _labels(
    "block_use",
    residential="居住用地",
    business="商业用地",
    public="公共用地",
    park="公园绿地",
    industrial="工业用地",
    farm="农田",
)
CRS = _labels(
    "crs",
    wgs84="WGS-84（GPS、卫星定位）",
    cgcs2000="CGCS2000（国家测绘、天地图）",
    gcj02="GCJ-02（高德、腾讯地图、手机）",
    bd09="BD-09（百度地图）",
)
ORGANISATION_LEVEL = _labels(
    "organisation_level",
    street_committee="街道党工委",
    community_general_branch="社区党总支",
    grid_branch="小区网格党支部",
    building_group="楼栋党小组",
    member_household="党员中心户",
)
LAYERS = _labels(
    "layers",
    grids="网格",
    stations="网格服务站",
    venues="议事场所",
    centres="党群中心与食堂",
    devices="智能设备",
    buildings="楼栋",
    incidents="事件",
    workers="网格员",
)
PROPERTIES = _labels(
    "properties",
    code="编号",
    no="事件编号",
    name="名称",
    title="标题",
    full_name="姓名",
    phone="电话",
    full_phone="完整电话",
    grid_code="网格代码",
    grid_name="所属网格",
    quarter_code="小区代码",
    parent_code="上级网格",
    level="层级",
    kind="类型",
    status="状态",
    status_at="状态时间",
    domains="业务线",
    area_m2="面积（平方米）",
    address="地址",
    opening_hours="开放时间",
    usage="用途",
    floors="层数",
    class_="类别代码",
    class_name="类别",
    major="大类",
    severity="级别",
    source="来源",
    is_open="未办结",
    is_overdue="超期",
    is_outside_grid="网格外",
    reported_at="上报时间",
    due_at="下一时限",
    worker="处置人",
    worker_full_name="处置人姓名",
    employment="用工形式",
    origin="人员来源",
    availability="可派状态",
    skills="技能",
    load="手头任务",
    cap="任务上限",
    position_source="位置来源",
    positioned_at="定位时间",
)
PHOTO_PHASE = _labels("photo_phase", before="处置前", after="处置后")
PHOTO_FAULT = _labels(
    "photo_fault",
    empty="文件是空的",
    too_large="超过 10 MB，请压缩后再传",
    too_many_pixels="超过 4000 万像素，请缩小后再传",
    not_a_photo="不是照片，只收 JPEG、PNG、WebP",
    heic="HEIC 格式暂不支持，请在手机相机设置里改用“兼容性最佳”（JPEG）",
    broken="文件已损坏或没有传完，请重新选择",
    phase_full="这一阶段已有 9 张，不能再加",
    same_photo="这张照片已经传过",
    before_is_after="同一张照片不能既作处置前又作处置后",
)
ERRORS = _labels(
    "errors",
    internal="系统出错，已记录；请重试，仍不行请把编号告诉管理员",
    invalid_input="填写有误，请按提示修改",
    outside_county="位置不在本县范围内，请检查坐标和坐标系",
    unknown_code="没有这个代码，请从列表中选择",
    not_authenticated="请先登录",
    not_permitted="当前账号无权进行此操作",
    not_found="没有找到，或不在您的管辖范围内",
    conflict="情况已变化，请刷新后再试",
    transition_refused="事件当前状态不能进行此操作",
    already_dispatched="已经派过人了，请查看当前处置人",
    nobody_eligible="没有可派的人员",
    damaged="存档文件缺失或已被改动，请联系管理员从备份恢复",
    unavailable="数据库暂时连不上，系统会自动重连",
)


def action_text(action: str) -> str:
    """The word for a step's action; an unknown one stands as it is."""
    return ACTION[action].text if action in ACTION else action


def reason_text(reason: str) -> str:
    """What kept a command from being carried out or a place from being filled; "" for an unknown code."""
    found = next((group[reason] for group in (HINDRANCE, REFUSAL, SHORTFALL) if reason in group), None)
    return "" if found is None else found.text


def shortfall_text(shortfall: str) -> str:
    """Why nobody can be sent."""
    return SHORTFALL[shortfall].text if shortfall in SHORTFALL else ERRORS["nobody_eligible"].text
