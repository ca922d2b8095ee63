"""The chat client: the framework's layers over one call of daprd's Conversation API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from agent_framework import (
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    ChatResponseUpdate,
    FunctionInvocationLayer,
)
from agent_framework.observability import ChatTelemetryLayer

from perdure_agent_framework.dapr_conversation.answers import to_response
from perdure_agent_framework.dapr_conversation.messages import to_dapr_messages
from perdure_agent_framework.dapr_conversation.options import (
    DaprConversationOptions,
    check_options,
    plain_options,
)
from perdure_agent_framework.dapr_conversation.schemas import response_format_of
from perdure_agent_framework.dapr_conversation.sidecar import find_sidecar
from perdure_agent_framework.dapr_conversation.tools import tool_options
from perdure_agent_framework.dapr_conversation.transport import Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence

    from agent_framework import (
        ChatAndFunctionMiddlewareTypes,
        CompactionStrategy,
        FunctionInvocationConfiguration,
        Message,
        ResponseStream,
        TokenizerProtocol,
    )

_DEFAULT_TIMEOUT: Final = timedelta(minutes=5)


class DaprConversationChatClient(
    FunctionInvocationLayer[DaprConversationOptions],
    ChatMiddlewareLayer[DaprConversationOptions],
    ChatTelemetryLayer[DaprConversationOptions],
    BaseChatClient[DaprConversationOptions],
):
    """A chat client whose model is a Conversation component of a Dapr sidecar.

    ::

        agent = Agent(DaprConversationChatClient("openai"), "You are brief.")

    The sidecar gives an answer as a whole: with ``stream=True`` it comes as updates all the same,
    all at once.

    Args:
        component: The name of the Conversation component.
        endpoint: The sidecar's HTTP API, as ``http://127.0.0.1:3500``; by default what
            ``DAPR_HTTP_ENDPOINT`` says, else ``DAPR_RUNTIME_HOST`` and ``DAPR_HTTP_PORT``.
        api_token: The token that the sidecar wants; by default ``DAPR_API_TOKEN``.
        timeout: How long the sidecar may take to answer.
        middleware: Chat and function middleware of this client.
        function_invocation_configuration: How the framework calls tools.
        compaction_strategy: How the framework shortens what is sent.
        tokenizer: How the framework counts tokens for that.
        additional_properties: Kept with the client.

    Raises:
        ConfigurationError: The endpoint, or one of the variables, cannot be used.
    """

    OTEL_PROVIDER_NAME: ClassVar[str] = "dapr"

    def __init__(
        self,
        component: str,
        *,
        endpoint: str | None = None,
        api_token: str | None = None,
        timeout: timedelta = _DEFAULT_TIMEOUT,
        middleware: Sequence[ChatAndFunctionMiddlewareTypes] | None = None,
        function_invocation_configuration: FunctionInvocationConfiguration | None = None,
        compaction_strategy: CompactionStrategy | None = None,
        tokenizer: TokenizerProtocol | None = None,
        additional_properties: dict[str, Any] | None = None,
    ) -> None:
        self.component = component
        self._transport = Transport(
            find_sidecar(endpoint=endpoint, api_token=api_token),
            timeout_seconds=timeout.total_seconds(),
        )
        super().__init__(
            middleware=middleware,
            function_invocation_configuration=function_invocation_configuration,
            compaction_strategy=compaction_strategy,
            tokenizer=tokenizer,
            additional_properties=additional_properties,
        )

    def service_url(self) -> str:
        """Return the URL of the component in the sidecar, for telemetry and rate limits."""
        return self._transport.url_of(self.component)

    def _inner_get_response(
        self,
        *,
        messages: Sequence[Message],
        stream: bool,
        options: Mapping[str, Any],
        **kwargs: Any,
    ) -> Awaitable[ChatResponse[Any]] | ResponseStream[ChatResponseUpdate, ChatResponse[Any]]:
        if not stream:
            return self._respond(messages, options)
        return self._build_response_stream(
            self._updates(messages, options), response_format=options.get("response_format")
        )

    async def _updates(
        self, messages: Sequence[Message], options: Mapping[str, Any]
    ) -> AsyncIterator[ChatResponseUpdate]:
        response = await self._respond(messages, options)
        for update in response.to_updates():
            yield update

    async def _respond(
        self, messages: Sequence[Message], options: Mapping[str, Any]
    ) -> ChatResponse[Any]:
        valid = await self._validate_options(options)
        answer = await self._transport.converse(self.component, self._request(messages, valid))
        return to_response(
            answer, component=self.component, response_format=valid.get("response_format")
        )

    def _request(self, messages: Sequence[Message], options: Mapping[str, Any]) -> dict[str, Any]:
        component = self.component
        check_options(options, component=component)
        said = to_dapr_messages(
            messages, instructions=options.get("instructions"), component=component
        )
        conversation: dict[str, Any] = {"messages": said}
        if options.get("scrub_input"):
            conversation["scrubPii"] = True
        request = {
            "inputs": [conversation],
            **plain_options(options, component=component),
            **tool_options(options, component=component),
        }
        form = response_format_of(options.get("response_format"), component=component)
        return request if form is None else {**request, "responseFormat": form}
