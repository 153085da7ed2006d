"""Refusals around webhooks."""

from app.core.i18n import Text
from app.core.problems import Problem


class WebhookUrlUnfit(Problem):
    """Nothing may be sent there."""

    status = 422
    type = "webhook-url-unfit"
    title = Text("回调地址不可用", "The webhook URL cannot be used")
    action = Text(
        "请填写完整的 https 地址，且不含用户名和密码",
        "Give a whole https URL without a user name or password in it",
    )
