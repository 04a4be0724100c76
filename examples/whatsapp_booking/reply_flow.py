"""One message of a customer: the agent's turn, then the reply."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from pydantic_ai.messages import ModelMessagesTypeAdapter

import konversi
from konversi import Customer
from whatsapp_booking.tools import Chat

if TYPE_CHECKING:
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelMessage

    from whatsapp_booking.cloud import Cloud
    from whatsapp_booking.incoming import Message
    from whatsapp_booking.memory import Memory
    from whatsapp_booking.studio import Studio

TEXT_ONLY = "Maaf kak, untuk sekarang kami baru bisa baca pesan teks."
SORRY = "Maaf kak, ada kendala di sistem kami. Admin kami akan segera membalas."

_TURN_SECONDS = 60.0
_log = logging.getLogger(__name__)


class ReplyFlow:
    """Answers messages. A turn that fails is logged without the customer's words, and answered with an apology."""

    def __init__(self, agent: Agent[Chat, str], studio: Studio, memory: Memory, cloud: Cloud) -> None:
        self._agent = agent
        self._studio = studio
        self._memory = memory
        self._cloud = cloud

    async def answer(self, message: Message) -> None:
        """Answer it, and settle it whatever happens. One that a crash left unsettled is answered at the next start."""
        state = "failed"
        try:
            await self._cloud.reply(message, await self._reply(message))
            state = "answered"
        except Exception as error:  # noqa: BLE001 - one customer's fault must not end the bot
            _log.error("no reply was sent: %s", type(error).__name__)
        await asyncio.to_thread(self._memory.settle, message, state)

    async def _reply(self, message: Message) -> str:
        if message.text is None:
            return TEXT_ONLY
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                return await self._turn(message, message.text)
        except Exception as error:  # noqa: BLE001 - whatever a model or a tool raises, the customer gets an answer
            _log.error("the agent's turn failed: %s", type(error).__name__)
            return SORRY

    async def _turn(self, message: Message, text: str) -> str:
        customer = Customer(phone=message.phone, whatsapp_user_id=message.user_id, name=message.name)
        before = await asyncio.to_thread(self._memory.turns, message.customer)
        async with konversi.conversation(customer=customer, id=message.customer) as chat:
            result = await self._agent.run(
                text,
                deps=Chat(self._studio, message.customer, message.name),
                message_history=[said for turn in before for said in _read(turn)],
            )
            chat.reply = str(result.output)
        await asyncio.to_thread(self._memory.remember, message.customer, result.new_messages_json())
        return chat.reply


def _read(turn: bytes) -> list[ModelMessage]:
    said: list[ModelMessage] = ModelMessagesTypeAdapter.validate_json(turn)
    return said
