"""Who waits for whom when more is asked than is computed at once."""

import asyncio

import httpx


def test_a_word_never_waits_behind_a_corpus_and_a_corpus_waits_for_its_turn(scorer, make_bundle):
    scorer.add(make_bundle())
    scorer.add(make_bundle(), id="lm_2")
    scorer.ask("/v1/models/lm_1/next", context="")
    texts = {"texts": ["the rain"]}

    async def ask_all():
        transport = httpx.ASGITransport(scorer.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://scorer", timeout=60) as http:
            with scorer.database.transaction():  # whoever asks for lm_2 waits for the end of this
                asked_before = scorer.database.asked
                first = asyncio.create_task(http.post("/v1/models/lm_2/perplexity", json=texts))
                while scorer.database.asked == asked_before:
                    await asyncio.sleep(0.001)
                second = asyncio.create_task(http.post("/v1/models/lm_1/perplexity", json=texts))
                ranks = await http.post("/v1/models/lm_1/rank", json={"context": "", "words": ["rain"]})
                waiting = not first.done() and not second.done()
            return waiting, ranks, await first, await second

    waiting, *answers = asyncio.run(ask_all())
    assert waiting
    assert [answer.status_code for answer in answers] == [200] * 3
