"""What a message says: one sentence and one payload for a job, or for a burst of them."""

from collections.abc import Sequence

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.i18n import Language
from app.notifications import outbox, policy, recipients, repository, texts
from app.notifications.channels import Message
from app.notifications.models import Dispatch, Notification


async def message(session: AsyncSession, rows: Sequence[Dispatch]) -> Message:
    """One message that tells what all of these rows tell, under the first one's key."""
    ids = [row.notification_id for row in rows if row.notification_id is not None]
    told = await repository.notifications(session, ids)
    jobs = await recipients.jobs_told(session, ids)
    reader = await recipients.person(session, told[0].user_id)
    language: Language = reader.language if reader else "zh"
    to_app = rows[0].channel == outbox.PUSH
    data = (
        _app_data(told) | {"push_id": str(rows[0].id)}
        if to_app
        else texts.template_values(jobs, language)
    )
    text = texts.sentence(jobs, language)
    return Message(str(rows[0].id), texts.kind_of(jobs), data, text, language)


def _app_data(told: Sequence[Notification]) -> dict[str, str]:
    """Names orders, never a person; one job as it always was, several by their ids."""
    if len(told) == 1:
        return {**told[0].data, "notification_id": str(told[0].id)}
    kinds = {each.kind for each in told}
    return {
        "kind": kinds.pop() if len(kinds) == 1 else texts.SEVERAL,
        "count": str(len(told)),
        "order_ids": ",".join(sorted({str(each.order_id) for each in told})),
    }


async def to_staff(session: AsyncSession, lead: Dispatch) -> Message:
    """What the staff's group reads of an alarm."""
    query = select(Notification.id).where(Notification.alarm_id == lead.alarm_id).limit(1)
    (job,) = await recipients.jobs_told(session, list((await session.exec(query)).all()))
    jobs = [texts.JobTold(policy.UNHEARD, job.building, job.fault, job.grade, job.crew)]
    data = texts.template_values(jobs, "zh")
    return Message(str(lead.id), policy.UNHEARD, data, texts.sentence(jobs, "zh"))
