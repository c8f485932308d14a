//! What the authors of accelerated local methods say, and what we ask of it.

use kiln_receipts::{Check, Claim, Expected, Paper};

const ROUNDED: &str = "a certificate allows for rounding where masses are negative: 1e-16 · 1,700 nodes / α, \
    which of an error of 1e-5 is 2e-5";
pub(super) const CERTIFIED: Check = Check::each("certified error / error asked for")
    .at_most(1.0)
    .expected(&[Expected::quick(1.0, 1.001, ROUNDED), Expected::full(1.0, 1.001, ROUNDED)]);
pub(super) const ANSWERS: Claim = Claim {
    place: "the theorem of the error bar (error-bar.md)",
    says: "Every answer of the arena is as near to the exact one as was asked.",
    test: "Every answer of every experiment: the bound that its certificate, recomputed from the graph, \
        gives on the error, over the error asked for.",
    checks: &[CERTIFIED],
    ..Claim::ours("A1")
};

const SPREAD: &str = "residuals of both signs spread further: where pushes end near the seed, over-relaxed \
    and Chebyshev steps go through much of the graph; they win where the answer covers the graph anyway";
pub(super) const RELAXED: Check = Check::ratio("edges touched, pushes / LocalSOR, α = .001")
    .above(1.0)
    .expected(&[Expected::quick(0.002, 0.01, SPREAD), Expected::full(0.001, 0.02, SPREAD)]);
pub(super) const CHEBYSHEV: Check = Check::ratio("edges touched, pushes / LocalCH, α = .001")
    .above(1.0)
    .expected(&[Expected::quick(0.002, 0.006, SPREAD), Expected::full(0.001, 0.02, SPREAD)]);
pub(super) const PAGERANK: Claim = Claim {
    place: "Zhou et al. 2024, experiments",
    says: "Over-relaxation and Chebyshev steps make local PageRank faster where α is small.",
    test: "PageRank to the largest error 1e-4 and 1e-5 of mass over degree, α = .001, from random nodes of \
        planted graphs with 10^5 and 2^40 nodes and of three real graphs: edges touched by pushes of the \
        whole residual over those of each method, in every setting. Other α are shown beside it, without a \
        verdict.",
    checks: &[RELAXED, CHEBYSHEV],
    ..Claim::ours("A2")
};

const EASY: &str = "near the seed plain pushes need so few that the first proximal steps cost more";
pub(super) const EVOLVING: Check = Check::ratio("edges touched, pushes / evolving sets, α = .001")
    .above(1.0)
    .expected(&[Expected::quick(0.15, 0.42, EASY), Expected::full(0.1, 0.5, EASY)]);
pub(super) const EVOLVING_SETS: Claim = Claim {
    place: "Huang et al. 2025, experiments",
    says: "Accelerated evolving sets make local PageRank faster where α is small.",
    test: "As A2.",
    checks: &[EVOLVING],
    ..Claim::ours("A3")
};

const ROUNDS: &str = "every round solves the problem on the support known so far, and there are as many \
    rounds as the support is wide; on small supports ISTA ends sooner than its bound";
pub(super) const SPARSE: Check = Check::ratio("edges touched, ISTA / ASPR, α = .001")
    .above(1.0)
    .expected(&[Expected::quick(0.2, 0.34, ROUNDS), Expected::full(0.15, 0.4, ROUNDS)]);
pub(super) const ACCELERATED: Claim = Claim {
    place: "Martínez-Rubio, Wirth, Pokutta 2023, section 1: faster for certain parameters",
    says: "Accelerated steps on the known part of the support beat plain ones (ISTA) where α is small.",
    test: "ℓ1-regularised PageRank to the ℓ1 error 1e-4 (the first tolerance that gives it, from 1 down), \
        α = .001, ρ = 1e-3 and 1e-4, from random nodes of the graphs of A2: edges touched by ISTA over \
        those of ASPR, in every setting.",
    checks: &[SPARSE],
    ..Claim::ours("A4")
};

pub(super) const OUTSIDE: Check =
    Check::each("nodes of ASPR's and CASPR's answers outside the support").at_most(0.0);
pub(super) const IN_THE_SUPPORT: Claim = Claim {
    place: "Martínez-Rubio, Wirth, Pokutta 2023, main theorem",
    says: "ASPR and CASPR never leave the support of the solution.",
    test: "Every answer of A4's experiment, at all α and ρ: nodes that have no mass in the exact answer.",
    checks: &[OUTSIDE],
    ..Claim::exact("A5")
};

pub(super) const SAME_WORK: Check = Check::ratio("edges touched, 2^40 nodes / 2^20 nodes")
    .within(0.95, 1.05)
    .by_us("work that grew with only the two-hundredth root of n would grow by 7 % from 2^20 to 2^40 nodes")
    .expected(&[Expected::quick(0.9, 1.1, WIDE), Expected::full(0.9, 1.1, WIDE)]);
const WIDE: &str = "100 pairs leave CASPR undecided; 400, tried after, give 1.013 with 0.978 to 1.049";
pub(super) const LOCAL: Claim = Claim {
    place: "all of these papers: local",
    says: "The work does not depend on the size of the graph.",
    test: "Each method from 100 random nodes of implicit planted graphs of 2^20 and 2^40 nodes, α = .05, \
        to the largest error 1e-4 of mass over degree (ρ = 1e-4 for the ℓ1 problem): edges touched.",
    checks: &[SAME_WORK],
    ..Claim::stand_in(
        "A6",
        "planted graphs for graphs in general",
        "a node's surroundings have one law at every size, so that only work that is not local can grow",
    )
};

pub(super) const BAR: Check = Check::each("ℓ1 error / error bar").at_most(1.0);
pub(super) const ERROR_BAR: Claim = Claim {
    place: "the theorem of the error bar (error-bar.md)",
    says: "No answer is farther from the exact one than its certificate says, whatever made it.",
    test: "10,000 answers on random graphs of 3 to 25 nodes (weights, loops, hubs; α from 1e-3 to .89, ρ over \
        four orders): nothing, noise, false nodes, nodes left out, signs turned, coordinate descent and FISTA \
        interrupted, another graph's answer; and seven kinds on the graphs of A2. The distance from the answer \
        of active sets over the bar, to which that answer's own bar (rounding) is added. How wide the bar is \
        has no threshold: the table shows it.",
    checks: &[BAR],
    ..Claim::exact("A7")
};

pub(super) const PAPER: Paper = Paper {
    id: "graph-arena",
    title: "Does acceleration pay? Local PageRank methods in one arena",
    citation: "Ours, on methods of Andersen, Chung, Lang 2006; Fountoulakis et al. 2019; Ha, Fountoulakis, \
        Mahoney 2021; Martínez-Rubio, Wirth, Pokutta 2023; Zhou et al. 2024; Huang et al. 2025",
    url: "https://arxiv.org/abs/2510.08010",
    domain: "graph",
    claims: &[ANSWERS, PAGERANK, EVOLVING_SETS, ACCELERATED, IN_THE_SUPPORT, LOCAL, ERROR_BAR],
    experiments: &[],
};
