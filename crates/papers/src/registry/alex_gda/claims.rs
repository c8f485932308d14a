//! What Lee, Cho and Yun say.

use kiln_receipts::{Check, Claim, Paper};

const fn closed_form(name: &'static str) -> Check {
    Check::each(name).at_most(1e-6).by_us(
        "both sides are computed in double precision: up to 1000 steps of rounding are below 1e-10, a wrong term of \
         the formula is of the order 1e-1",
    )
}
pub(super) const GROWTH: Check = closed_form("Sim: growth of a mode, error");
pub(super) const DRIFT: Check = closed_form("Alt: drift of the conserved quantity");
pub(super) const RATE: Check = closed_form("Alex: rate of a mode, error");
pub(super) const BILINEAR: Claim = Claim {
    place: "bilinear games",
    says: "On bilinear games Sim-GDA diverges, Alt-GDA cycles and Alex-GDA converges linearly.",
    test: "20 × 20 matrices B with singular values σ from 0.3 to 1, α = β = 0.6, Alex with γ = 1, δ = 2: in each \
        singular mode Sim grows by 1 + (0.6σ)² and Alex shrinks by √(1 − (0.6σ)²) a step, and Alt conserves \
        ‖x‖²/α + ‖y‖²/β − xᵀBy over 1000 steps.",
    checks: &[GROWTH, DRIFT, RATE],
    ..Claim::exact("C1")
};

pub(super) const SIM_BOUND: Check = Check::each("1 − ρ: best Sim / 2/(1 + κxy²)").at_most(1.0);
pub(super) const ALT_FASTER: Check = Check::each("1 − ρ: Alt with its own steps / best Sim").above(1.0);
pub(super) const CELLS: Check = Check::each("1 − ρ: relative deviation from an independent program")
    .at_most(0.02)
    .by_us("the other program's figures have two or three digits: half a unit of the last is up to 1.8 %");
pub(super) const SEPARATION: Claim = Claim {
    place: "lower bound for Sim-GDA, upper bound for Alt-GDA",
    says: "What Alt-GDA guarantees is faster than what Sim-GDA can reach with any step sizes.",
    test: "Games of three scalar games (μ, b, μ), (μ, 0, μ), (L, 0, L): 1 − ρ of Sim with the best steps, of Alt \
        and Alex with those of the theory, of EG and OGDA with the best of 400.",
    checks: &[SIM_BOUND, ALT_FASTER, CELLS],
    ..Claim::reduced("C2", "four games, and a grid of 241 × 241 step sizes for Sim in place of all")
};

const fn equal(name: &'static str) -> Check {
    let check = Check::each(name).equal(0.0, 0.0).unit("gradient calls");
    check.by_authors("HanseulJo/Alex-GDA: quadratic-extensive/GradCplxt_*.csv")
}
pub(super) const EQUAL_1: Check = equal("row 1: gradient calls, ours less the authors'");
pub(super) const FEWEST_1: Check = Check::each("row 1: gradient calls, best other method / Alex").above(1.0);
pub(super) const FIRST_ROW: Claim = Claim {
    place: "quadratic games of the experiments (authors' code), first row",
    says: "After tuning, Alex-GDA needs fewer gradient calls than AltOGDA, OGDA, EG, Alt-GDA and Sim-GDA.",
    test: "The authors' 30 instances with μ = μxy = 0.1, L = Lxy = 1 and 100 variables a player, drawn again from \
        their seeds of NumPy's generator: gradient calls until ‖z‖² < 1e-8, every method tuned on each by the \
        authors' grid; each count against theirs. At quick scale the 10 instances of the first start.",
    checks: &[EQUAL_1, FEWEST_1],
    ..Claim::exact("C3")
};

pub(super) const EQUAL: Check = equal("rows 2 to 5: gradient calls, ours less the authors'");
pub(super) const FEWEST: Check =
    Check::each("rows 2 to 5: gradient calls, best other method / Alex").above(1.0);
pub(super) const OTHER_ROWS: Claim = Claim {
    place: "quadratic games of the experiments (authors' code), other rows",
    says: "The same with other constants.",
    test: "As C3 with the (μ, μxy, Lxy, ε) of the authors' other rows. Sim of rows 3 and 4, which takes 1e5 steps \
        and more, at full scale.",
    checks: &[EQUAL, FEWEST],
    ..Claim::exact("C4")
};

pub(super) const FEWER: Check = Check::ratio("gradient calls on own games, another method / Alex").above(1.0);
pub(super) const OWN_GAMES: Claim = Claim {
    place: "the same experiments",
    says: "The order does not depend on the authors' seeds.",
    test: "Games of the same kind from Kiln's generator, paired by game; row 1 at quick scale, all rows at full. \
        Without Sim, which needs 30 to 3,500 times the calls of Alex on the authors' games.",
    checks: &[FEWER],
    ..Claim::ours("C5")
};

const GANS: Claim = Claim {
    place: "experiments with WGAN-GP",
    says: "With Adam, Alex's extrapolation trains GANs at least as well as alternating updates.",
    ..Claim::not_attempted(
        "C6",
        "it takes MNIST, CIFAR-10 and LSUN, 200 epochs of WGAN-GP at batch 128, grids over γ, δ and the rate with 5 \
         seeds each, and a score of the pictures: weeks of a graphics processor",
    )
};

pub(super) const PAPER: Paper = Paper {
    id: "alex-gda",
    title: "Fundamental benefit of alternating updates in minimax optimization",
    citation: "Jaewook Lee, Hanseul Cho, Chulhee Yun. International Conference on Machine Learning 2024",
    url: "https://arxiv.org/abs/2402.10475",
    domain: "optim",
    claims: &[BILINEAR, SEPARATION, FIRST_ROW, OTHER_ROWS, OWN_GAMES, GANS],
    experiments: &[],
};
