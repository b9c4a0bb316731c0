"""A scripted person: an operator of a test's server who answers questions as the inbox shows them."""

from econsim import subjects
from econsim.adapters.nats.rpc import ask
from econsim.schemas.social import AnswerQuestion, AskAgent, ListQuestions, Question, Questions


class Person:
    """An operator of one run."""

    def __init__(self, client, run, name="operator"):
        self._client, self._run, self.name = client, run, name

    async def waiting(self, **fields):
        """Return the questions that wait for this person."""
        return (await self._ask(subjects.LIST_QUESTIONS, ListQuestions(**fields), Questions)).questions

    async def answer(self, question_id, answer):
        """Answer a question."""
        request = AnswerQuestion(question_id=question_id, answer=answer)
        return await self._ask(subjects.ANSWER_QUESTION, request, Question)

    async def answer_next(self, answer):
        """Wait for a question and answer it."""
        version = wait_ms = 0
        while True:
            request = ListQuestions(after=version, wait_ms=wait_ms)
            found = await self._ask(subjects.LIST_QUESTIONS, request, Questions)
            waiting = [each for each in found.questions if each.audience == "person"]
            if waiting:
                return await self.answer(waiting[0].question_id, answer)
            version, wait_ms = found.version, 5_000

    async def ask_agent(self, agent, text, **fields):
        """Ask an agent."""
        request = AskAgent(agent=agent, text=text, **{"request_id": "r1", "deadline_ms": 60_000, **fields})
        return await self._ask(subjects.ASK_AGENT, request, Question)

    async def _ask(self, row, request, reply):
        return await ask(self._client, row(run=self._run, operator=self.name), request, reply, 10)
