"""What a message says: one sentence and one payload for a job, or for a burst of them."""

from collections.abc import Sequence

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.i18n import Language
from app.notifications import outbox, policy, recipients, texts
from app.notifications.channels import Message
from app.notifications.dispatch_rows import Waiting
from app.notifications.models import Notification


async def message(session: AsyncSession, rows: Sequence[Waiting]) -> Message:
    """One message that tells what all of these rows tell, under the first one's key."""
    told = sorted(rows, key=lambda row: row.notification_id or row.id)
    jobs = await recipients.jobs_told(session, [row.notification_id or row.id for row in told])
    reader = await recipients.person(session, rows[0].user_id) if rows[0].user_id else None
    language: Language = reader.language if reader else "zh"
    to_app = rows[0].channel == outbox.PUSH
    data = (
        _app_data(told) | {"push_id": str(rows[0].id)}
        if to_app
        else texts.template_values(jobs, language)
    )
    text = texts.sentence(jobs, language)
    return Message(str(rows[0].id), texts.kind_of(jobs), data, text, language)


def _app_data(told: Sequence[Waiting]) -> dict[str, str]:
    """Names orders, never a person; one job as it always was, several by their ids."""
    if len(told) == 1:
        return {**(told[0].data or {}), "notification_id": str(told[0].notification_id)}
    kinds = {each.kind for each in told}
    return {
        "kind": (kinds.pop() if len(kinds) == 1 else None) or texts.SEVERAL,
        "count": str(len(told)),
        "order_ids": ",".join(sorted({str(each.order_id) for each in told})),
    }


async def to_staff(session: AsyncSession, lead: Waiting) -> Message:
    """What the staff's group reads of an alarm."""
    query = select(Notification.id).where(Notification.alarm_id == lead.alarm_id).limit(1)
    (job,) = await recipients.jobs_told(session, list((await session.exec(query)).all()))
    jobs = [texts.JobTold(policy.UNHEARD, job.building, job.fault, job.grade, job.crew)]
    data = texts.template_values(jobs, "zh")
    return Message(str(lead.id), policy.UNHEARD, data, texts.sentence(jobs, "zh"))
