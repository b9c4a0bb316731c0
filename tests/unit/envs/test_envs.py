"""Environments of learning agents: as their libraries check them, repeatable by the seed, and true to the market."""

import sys

import gymnasium
import numpy as np
import pytest
from factories import group, role, scenario
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test, parallel_seed_test

import econsim
from econsim.envs import MARKET, MarketEnv, ParallelMarketEnv
from econsim.envs.registration import register
from econsim.errors import InvalidMessage, SetupError

DUEL = scenario(
    group("buyer", "zi_c", activity_percent=1, roles=[role("bid", values=[[3, 2]])]),
    group("seller", "truthful", roles=[role("ask", values=[[1, 1]])]),
    clock={"periods": 2, "ticks_per_period": 4},
)
PASS, VALUE, HALF = 0, 1, 11


def played(env, actions, seed=1):
    """Return observations, rewards and ends of some actions, with the first observation."""
    seen, _ = env.reset(seed=seed)
    rows = [(seen, 0.0, False)]
    for action in actions:
        seen, reward, ended, _, _ = env.step(np.int64(action))
        rows.append((seen, reward, ended))
    return rows


def test_the_environment_of_one_agent_passes_gymnasium_s_checker():
    check_env(gymnasium.make(MARKET).unwrapped)


def test_the_environment_of_many_agents_passes_pettingzoo_s_checkers():
    parallel_api_test(ParallelMarketEnv(), num_cycles=300)
    parallel_seed_test(ParallelMarketEnv, 200)


@pytest.mark.parametrize(
    "form", [econsim.load("smith1962"), econsim.load("smith1962").definition, "smith1962"]
)
def test_an_environment_takes_a_scenario_in_each_form_that_a_run_does(form):
    env, many = MarketEnv(form), ParallelMarketEnv(form)

    assert env.reset(seed=1)[0].tolist() == many.reset(seed=1)[0]["buyer_001"].tolist()


def test_equal_seeds_and_actions_give_equal_episodes_and_other_seeds_do_not():
    actions = [*np.random.default_rng(1).integers(0, 21, 60)]

    def episode(seed):
        return [(seen.tolist(), reward) for seen, reward, _ in played(MarketEnv(), actions, seed)]

    assert episode(3) == episode(3) != episode(4)


def test_without_a_seed_the_next_episode_is_drawn_from_the_one_before():
    def two_episodes():
        env = MarketEnv()
        env.reset(seed=5)
        env.reset()
        return [env.step(np.int64(VALUE))[0].tolist() for _ in range(30)]

    assert two_episodes() == two_episodes()


def test_an_agent_sees_its_value_its_units_the_quote_its_order_and_the_time_left():
    first, second, *_ = played(MarketEnv(DUEL), [HALF])

    assert first[0].tolist() == [0, 0.75, 1, 0, 1, 0, 0, 1]
    # A limit of 3.00 down to a floor of 0.01: half of it is a bid of 1.42; the seller asks 1.00, and had the turn before or after.
    side, value, units, bid, ask, last, order, left = second[0].tolist()
    assert (side, value, units, left) == (0, 0.5, 0.5, 0.75)
    assert (bid, ask, order) == (0, 1, 0)
    assert last in (np.float32(1.42 / 4), np.float32(1 / 4))


def test_the_reward_is_the_surplus_of_the_agent_s_own_trade_in_credits():
    rows = played(MarketEnv(DUEL), [HALF])

    last_price = float(rows[1][0][5]) * 4
    assert rows[1][1] == pytest.approx(3 - last_price)


def test_an_episode_ends_with_the_run():
    rows = played(MarketEnv(DUEL), [PASS] * 8)

    assert [ended for _, _, ended in rows] == [False] * 8 + [True]
    assert rows[-1][0][-1] == 0


@pytest.mark.parametrize(("agent", "sign"), [("buyer_001", 1), ("seller_001", 1)])
def test_no_action_loses_money(agent, sign):
    env, random = MarketEnv(agent=agent), np.random.default_rng(1)
    env.reset(seed=1)

    rewards = [env.step(random.integers(0, 21))[1] for _ in range(300)]

    assert min(rewards) >= 0 < max(rewards)


def test_agents_that_are_played_side_by_side_share_the_gain_of_their_trade():
    env = ParallelMarketEnv(DUEL, ("buyer_001", "seller_001"))
    env.reset(seed=1)

    _, rewards, ended, _, _ = env.step({"buyer_001": np.int64(VALUE), "seller_001": np.int64(VALUE)})

    assert sum(rewards.values()) == pytest.approx(3 - 1)
    assert ended == {"buyer_001": False, "seller_001": False}


@pytest.mark.parametrize("prices", [1, 10**9, 2.5, "20", True])
def test_a_number_of_prices_that_makes_no_choice_is_refused(prices):
    with pytest.raises(InvalidMessage, match=r"prices = .*whole number from 2 to 10000"):
        MarketEnv(prices=prices)


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "1"])
@pytest.mark.parametrize("make", [MarketEnv, ParallelMarketEnv])
def test_what_is_no_seed_of_a_run_is_refused_and_the_environment_goes_on(make, seed):
    env = make(DUEL)

    with pytest.raises(InvalidMessage, match=r"seed = .*whole number from 0"):
        env.reset(seed=seed)
    env.reset(seed=1)


@pytest.mark.parametrize(("make", "action"), [(MarketEnv, 0), (ParallelMarketEnv, {})])
def test_no_step_is_done_before_reset_and_after_the_end(make, action):
    env = make(DUEL)

    with pytest.raises(InvalidMessage, match=r"has not begun; call reset\(\)"):
        env.step(action)
    env.reset(seed=1)
    for _ in range(2 * 4):
        env.step(action)
    with pytest.raises(InvalidMessage, match=r"has closed; call reset\(\)"):
        env.step(action)


@pytest.mark.parametrize("actions", [[1, 2], None, {"nobody_001": 1}])
def test_actions_that_are_not_by_agent_are_refused(actions):
    env = ParallelMarketEnv(DUEL)
    env.reset(seed=1)

    with pytest.raises(InvalidMessage, match="of buyer_001, seller_001"):
        env.step(actions)


@pytest.mark.parametrize("agents", ["buyer_001", [1]])
def test_what_are_no_names_of_agents_is_refused(agents):
    with pytest.raises(InvalidMessage, match="give their names as a list"):
        ParallelMarketEnv(agents=agents)


@pytest.mark.parametrize("agents", [[], ["buyer_001", "buyer_001"]])
def test_an_environment_has_each_of_its_agents_once_and_at_least_one(agents):
    with pytest.raises(InvalidMessage, match="each of its agents once, and at least one"):
        ParallelMarketEnv(agents=agents)


@pytest.mark.parametrize("action", [-1, 21, 1.5])
def test_an_action_outside_the_space_is_refused(action):
    env = MarketEnv(prices=20)
    env.reset(seed=1)

    with pytest.raises(InvalidMessage, match="from 0 to 20"):
        env.step(action)


def test_without_gymnasium_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)

    with pytest.raises(SetupError, match=r"install econsim\[gym\]"):
        register()


def test_an_episode_has_the_values_the_tax_the_limits_and_the_length_of_each_period():
    changes = [
        {"first_period": 2, "market": "cpu", "price_ceiling": 2, "tax": 0.5},
        {"first_period": 2, "ticks_per_period": 2},
        {"first_period": 3, "group": "buyer", "present": False},
    ]
    clock = {"periods": 3, "ticks_per_period": 4}
    env = MarketEnv(DUEL.model_validate(DUEL.model_dump(mode="json") | {"changes": changes, "clock": clock}))

    rows = played(env, [PASS] * 4 + [VALUE, PASS, VALUE, PASS])

    seen = [env.observation_space.contains(row) and row.tolist() for row, _, _ in rows]
    assert seen[0][1:3] == [0.75, 1]  # 3.00 of a ceiling of 4.00
    # 2.50 after tax is more than the ceiling of 2.00; the seller still asks 1.00.
    assert seen[4][1:3] == [1, 1]
    assert [row[-1] for row in seen] == [1, 0.75, 0.5, 0.25, 1, 0.5, 1, 0.5, 0]
    assert 0.5 <= rows[5][1] <= 1.5
    assert seen[6][1:3] == [0, 0]
