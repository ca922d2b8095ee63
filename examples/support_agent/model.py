"""The model that the support agent asks, and what it says where it is the scripted one."""

from __future__ import annotations

from typing import Final

from agent_framework_openai import OpenAIChatCompletionClient

from examples.shared.models import model_settings
from perdure.testing.scripted_model import Transcript, when

TRANSCRIPT: Final = Transcript(
    rules=(
        when(user="broken", tool_results=0).calls("find_orders", email="ann@example.com"),
        when(user="broken", tool_results=1).calls("look_up_order", order_id=1042),
        when(user="broken", tool_results=2).calls("refund_rules"),
        when(user="broken", result="Every refund needs approval").calls(
            "refund", order_id=1042, euros=48, reason="The teapot arrived broken."
        ),
        when(user="broken", result="are refunded").says(
            "I am sorry about the teapot. {result:refund} You will have the money in a few days."
        ),
        when(user="broken", tool_results=4).says(
            "I am sorry about the teapot. I may not refund it; a colleague will write to you."
        ),
        when().says("I am a scripted model, and only know of Ann's broken teapot."),
    )
)


def chat_client() -> OpenAIChatCompletionClient:
    """Return the framework's own client of OpenAI's API."""
    settings = model_settings(TRANSCRIPT)
    return OpenAIChatCompletionClient(
        model=settings.model, base_url=settings.base_url, api_key=settings.api_key
    )
