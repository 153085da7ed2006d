"""The evidence room's order at work serves completions too."""

from tests.app.evidence.conftest import Phone, order_id, phone, phone_of

__all__ = ["Phone", "order_id", "phone", "phone_of"]
