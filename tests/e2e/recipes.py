"""For each operation that writes, one request that must succeed on the stage."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import uuid4

from app.notifications import customer_links
from app.notifications.customer_links import Purpose
from tests.app.evidence.at_work import tiny_jpeg
from tests.e2e.stage import EVERYTHING, Stage
from tests.factories.world import PASSWORD

Json = dict[str, Any]


@dataclass
class Call:
    """One request: path parameters, query, headers, body."""

    path: Json = field(default_factory=dict)
    query: Json = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Json | bytes | None = None


def later(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def _on(operation: str, body: Json | None = None) -> Callable[[Stage], Call]:
    return lambda stage: Call({"order_id": str(stage.orders[operation])}, body=body)


def _order(body: Callable[[Stage], Json], operation: str) -> Callable[[Stage], Call]:
    return lambda stage: Call({"order_id": str(stage.orders[operation])}, body=body(stage))


def _tech(stage: Stage, name: str) -> str:
    return str(stage.world.technicians[name])


def _body(make: Callable[[Stage], Json]) -> Callable[[Stage], Call]:
    return lambda stage: Call(body=make(stage))


def _user(stage: Stage) -> Call:
    return Call({"user_id": str(stage.spare_user_id)})


CONSENTED = "13900000008"


def _link(stage: Stage, purpose: Purpose) -> str:
    return customer_links.sign(purpose, stage.carriers[purpose], timedelta(hours=1))


FILE = tiny_jpeg()
TUS = {"Tus-Resumable": "1.0.0"}
FILE_ID = str(uuid4())


def _metadata(stage: Stage) -> str:
    said = {
        "order_id": str(stage.orders["create_upload"]),
        "file_id": FILE_ID,
        "kind": "F",
        "sha256": hashlib.sha256(FILE).hexdigest(),
        "filetype": "image/jpeg",
    }
    return ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items()
    )


def _upload(stage: Stage) -> Call:
    headers = TUS | {"Upload-Length": str(len(FILE)), "Upload-Metadata": _metadata(stage)}
    return Call(headers=headers)


def _chunk(_stage: Stage) -> Call:
    kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    return Call({"file_id": FILE_ID}, headers=TUS | kind, body=FILE)


def _commands(stage: Stage) -> list[Json]:
    """One that is flagged, and one that comes too early and so is a conflict."""
    mock = {"lon": 117.02, "lat": 36.65, "mock": True}
    return [
        {
            "id": str(uuid4()),
            "device_seq": number,
            "kind": kind,
            "order_id": str(stage.orders["post_commands"]),
            "client_at": later(0),
        }
        | more
        for number, (kind, more) in enumerate([("accept", {"place": mock}), ("start", {})], 1)
    ]


def _conflict(body: Json | None = None) -> Callable[[Stage], Call]:
    return lambda s: Call(
        {"conflict_id": s.answers["post_commands"]["answers"][1]["conflict_id"]}, body=body
    )


def _lost_phone(stage: Stage) -> Json:
    return {"device_id": str(stage.world.devices["tech06"])}


def _shift(stage: Stage) -> Json:
    crew = str(stage.world.crews["A3"])
    return {"crew_id": crew, "starts_at": later(24), "ends_at": later(32)}


def _building(_stage: Stage) -> Json:
    place = {"lon": 117.03, "lat": 36.64}
    names = {"community": "新苑", "district": "历下区", "number": "9", "address": "新苑9号楼"}
    return names | {"place": place}


def _premises(stage: Stage) -> str:
    return str(stage.world.premises["锦绣家园3-2-201"])


AREA = {
    "type": "Polygon",
    "coordinates": [[[117.3, 36.6], [117.4, 36.6], [117.4, 36.7], [117.3, 36.7], [117.3, 36.6]]],
}
NEXT_CARD = (
    (resources.files("app.payouts") / "data" / "p_proposal_2026.toml")
    .read_text("utf-8")
    .replace("P proposal 2026-2", "本公司 2099")
    .replace("effective_from = 2026", "effective_from = 2099")
)
SLOT = {"starts_at": later(24), "ends_at": later(26)}
WHY = {"reason": "测试"}


def _made(operation: str, parameter: str) -> Callable[[Stage], Call]:
    return lambda stage: Call({parameter: stage.answers[operation]["id"]})


REFUSED = {"verdict": "refused", "reason": "照片与定位一致"}


def _paid_order(stage: Stage) -> Json:
    return {
        "order_id": str(stage.orders["get_work_order"]),
        "technician_id": _tech(stage, "tech03"),
    }


RECIPES: dict[str, Callable[[Stage], Call]] = {
    "create_api_key": _body(lambda _: {"name": "PBX", "permissions": ["orders.create"]}),
    "login": _body(lambda _: {"username": "agent", "password": PASSWORD}),
    "refresh": _body(lambda s: {"refresh_token": s.answers["login"]["refresh_token"]}),
    "change_my_password": _body(
        lambda _: {"current_password": PASSWORD, "new_password": "another long password"}
    ),
    "revoke_api_key": _made("create_api_key", "key_id"),
    "get_planning_run": _made("create_planning_run", "run_id"),
    "offer_slots": _body(lambda s: {"premises_id": _premises(s), "fault_code": "H01"}),
    "decide_approval": lambda s: Call({"approval_id": str(s.approval_id)}, body={"approved": True}),
    "find_buildings": lambda _: Call(query={"q": "经十路"}),
    "find_customers": lambda _: Call(query={"phone": "13900000001"}),
    "download_statements": lambda _: Call(query={"month": "2026-01"}),
    "download_payroll": lambda _: Call(query={"month": "2026-01"}),
    "get_fair_play": lambda _: Call(query={"since": "2026-01", "until": "2026-03"}),
    "get_pay_month": lambda _: Call({"month": "2026-01"}),
    "list_pay_appeals": lambda _: Call(query={"month": "2026-01"}),
    "list_pay_questions": lambda _: Call({"month": "2026-01"}),
    "advance_pay_month": lambda _: Call({"month": "2026-01"}, body={"act": "draft"}),
    "deduct_from_pay": _body(
        lambda s: {"kind": "late_arrival", "reason": "迟到二十分钟"} | _paid_order(s)
    ),
    "propose_pay_adjustment": _body(
        lambda s: {"points": "1.5", "reason": "漏记一项"} | _paid_order(s)
    ),
    "decide_pay_adjustment": lambda s: Call(
        {"adjustment_id": str(s.pay["adjustment"])}, body={"approved": True, "reason": "核实无误"}
    ),
    "decide_pay_question": lambda s: Call(
        {"question_id": str(s.pay["question"])},
        body={"verdict": "in_order", "reason": "当日抢修，工作量属实"},
    ),
    "answer_pay_appeal": lambda s: Call({"appeal_id": str(s.pay["asked"])}, body=REFUSED),
    "decide_pay_appeal": lambda s: Call({"appeal_id": str(s.pay["answered"])}, body=REFUSED),
    "import_rate_card": _body(lambda _: {"toml": NEXT_CARD}),
    "simulate_rate_card": _body(lambda _: {"toml": NEXT_CARD, "month": "2026-01"}),
    "attribute_rework": lambda s: Call(
        {"case_id": str(s.rework_id)}, body={"cause": "part", "reason": "阀芯质量问题"}
    ),
    "get_public_visit": lambda s: Call({"link": _link(s, "visit")}),
    "opt_out_of_messages": lambda s: Call({"link": _link(s, "visit")}),
    "rate_service": lambda s: Call(
        {"link": _link(s, "rating")}, body={"solved": True, "rating": 5}
    ),
    "put_message_consent": _body(
        lambda _: {"phone": "13900000009", "allowed": False, "how": "call"}
    ),
    "get_message_consent": lambda _: Call({"phone": CONSENTED}),
    "list_service_level_runs": lambda _: Call(query={"clock": "K4"}),
    "supervise_work_order": _on("urge_work_order", {"level": 2} | WHY),
    "answer_reply_duty": lambda s: Call({"duty_id": str(s.duty_id)}, body={"reply": "已派工"}),
    "create_webhook": _body(
        lambda _: {
            "url": "http://erp.example/hook",
            "events": ["work_order.closed"],
            "description": "ERP",
        }
    ),
    "list_webhook_deliveries": _made("create_webhook", "endpoint_id"),
    "replay_webhook": lambda s: Call(
        {"endpoint_id": s.answers["create_webhook"]["id"]}, body={"since": later(0)}
    ),
    "delete_webhook": _made("create_webhook", "endpoint_id"),
    "put_on_call": lambda s: Call(
        {"station_id": str(s.world.stations["S01"])}, body={"user_ids": []}
    ),
    "reply_to_unheard": lambda s: Call(
        {"alarm_id": str(s.alarm_id)}, body={"kind": "noted", "reason": "已电话联系"}
    ),
    "list_statements": lambda _: Call(query={"month": "2026-01"}),
    "get_pay_summary": lambda _: Call(query={"month": "2026-01"}),
    "create_building": _body(_building),
    "create_premises": lambda s: Call(
        {"building_id": str(s.world.buildings["锦绣家园3"])}, body={"unit": "7", "room": "701"}
    ),
    "review_completion": lambda s: Call(
        {"completion_id": str(s.completion_id)}, body={"decision": "passed"}
    ),
    "create_crew": _body(
        lambda s: {"code": "Z9", "name": "新班", "station_id": str(s.world.stations["S01"])}
    ),
    "add_crew_member": lambda s: Call(
        {"crew_id": str(s.world.crews["A3"])},
        body={"technician_id": s.answers["create_technician"]["id"], "role": "helper"},
    ),
    "end_crew_membership": lambda s: Call(
        {"crew_id": str(s.world.crews["A1"]), "technician_id": _tech(s, "tech02")}
    ),
    "create_customer": _body(
        lambda s: {
            "customer_no": "C9001",
            "name": "新客户",
            "phones": ["13900009001"],
            "premises_ids": [_premises(s)],
        }
    ),
    "change_customer_contact": lambda s: Call(
        {"customer_id": str(s.world.customers["C0002"])}, body={"version": 1, "name": "改名"}
    ),
    "describe_uploads": lambda _: Call(),
    "create_upload": _upload,
    "find_upload_offset": lambda _: Call({"file_id": FILE_ID}, headers=TUS),
    "append_to_upload": _chunk,
    "end_upload": lambda s: Call({"file_id": str(s.unfinished_id)}, headers=TUS),
    "read_thumbnail": lambda s: Call({"file_id": str(s.evidence_id)}),
    "read_evidence": lambda s: Call({"file_id": str(s.evidence_id)}),
    "clock_out": lambda _: Call(),
    "clock_in": _body(lambda _: {}),
    "post_commands": _body(lambda s: {"commands": _commands(s)}),
    "reconcile_phone": _body(lambda _: {"orders": [], "commands": [], "files": []}),
    "get_phone_conflict": _conflict(),
    "resolve_phone_conflict": _conflict({"resolution": "keep", "note": "已核实"}),
    "see_phone_flag": lambda s: Call(
        {"flag_id": s.answers["list_phone_flags"]["items"][0]["id"]}, body={"note": "已核实"}
    ),
    "change_phone_rule": lambda _: Call(
        {"name": "clock_off_s"}, body={"value": 240, "reason": "更严"}
    ),
    "revoke_device": lambda s: Call(_lost_phone(s), body=WHY),
    "reinstate_device": lambda s: Call(_lost_phone(s)),
    "create_arrival_code": lambda s: Call(
        {"building_id": str(s.world.buildings["锦绣家园1"])}, body={"label": "1单元门口"}
    ),
    "end_arrival_code": _made("create_arrival_code", "code_id"),
    "report_positions": _body(
        lambda _: {
            "fixes": [{"at": later(0), "place": {"lon": 117.03, "lat": 36.64}, "accuracy_m": 8}]
        }
    ),
    "put_push_address": _body(lambda _: {"provider": "fcm", "kind": "token", "address": "abc"}),
    "create_planning_run": _body(
        lambda s: {"station_id": str(s.world.stations["S01"]), "seconds": 0.5}
    ),
    "set_premises_flag": lambda s: Call({"premises_id": _premises(s)}, body={"kind": "arrears"}),
    "end_premises_flag": lambda s: Call(
        {"premises_id": str(s.world.premises["锦绣家园1-1-101"]), "kind": "vulnerable"}
    ),
    "create_shift": _body(_shift),
    "create_station": _body(
        lambda s: {
            "code": "S09",
            "name": "新站",
            "parent_id": str(s.world.stations["CO"]),
            "area": AREA,
        }
    ),
    "change_station": lambda s: Call(
        {"station_id": str(s.world.stations["S02"])}, body={"version": 1, "name": "二站"}
    ),
    "create_technician": _body(
        lambda s: {
            "user_id": str(s.spare_user_id),
            "station_id": str(s.world.stations["S01"]),
            "employee_no": "E-900",
            "name": "新人",
        }
    ),
    "set_technician_skills": lambda s: Call(
        {"technician_id": _tech(s, "tech02")}, body={"skills": [{"skill": "HB"}]}
    ),
    "create_user": _body(
        lambda _: {"username": "newone", "display_name": "新人", "grants": [{"role": "agent"}]}
    ),
    "disable_user": _user,
    "enable_user": _user,
    "reset_password": _user,
    "grant_role": lambda s: Call({"user_id": str(s.spare_user_id)}, body={"role": "revisitor"}),
    "revoke_grant": lambda s: Call(
        {"user_id": str(s.spare_user_id), "grant_id": str(s.spare_grant_id)}
    ),
    "get_user": _user,
    "get_eta": _on("get_eta"),
    "create_work_order": _body(
        lambda s: {
            "caller": {"name": "李先生", "phone": "13900000005"},
            "premises_id": _premises(s),
            "fault_code": "H24",
        }
    ),
    "amend_work_order": _order(
        lambda s: {"version": s.versions["amend_work_order"], "notes": "后门进"}, "amend_work_order"
    ),
    "assign_work_order": _order(
        lambda s: {"crew_id": str(s.world.crews["A2"])} | WHY, "assign_work_order"
    ),
    "form_joint_crew": _order(
        lambda s: (
            {
                "technician_ids": [_tech(s, "tech03"), _tech(s, EVERYTHING)],
                "leader_id": _tech(s, "tech03"),
            }
            | WHY
        ),
        "form_joint_crew",
    ),
    "merge_work_order": _order(
        lambda s: {"into_order_id": str(s.orders["amend_work_order"])} | WHY, "merge_work_order"
    ),
    "split_work_order": _on("merge_work_order", WHY),
    "pin_work_order": _order(
        lambda s: {"crew_id": str(s.world.crews["A2"])} | WHY, "pin_work_order"
    ),
    "request_cancel": _on("request_cancel", WHY),
    "request_hold": _on(
        "request_hold",
        {
            "reason": "customer_absent",
            "until": later(5),
            "note": "家中无人",
            "proof": {"kind": "sms", "reference": "短信 15"},
        },
    ),
    "rebook_work_order": _on("rebook_work_order", {"appointment": SLOT} | WHY),
    "resume_work_order": _on("resume_work_order", WHY),
    "record_revisit": _on("record_revisit", {"reached": True, "solved": True, "rating": 5}),
    "solve_by_phone": _on("solve_by_phone", {"answer": "打开阀门"}),
    "submit_work_order": _on("submit_work_order"),
    "urge_work_order": _on("urge_work_order", WHY),
    "withdraw_work_order": _on("withdraw_work_order", WHY),
}
