//! What Cai, Alacaoglu and Diakonikolas say.

use kiln_receipts::{Check, Claim, Paper};

pub(super) const PAYS: Check =
    Check::ratio("component calls, deterministic / variance-reduced, n = 65536").above(1.0);
pub(super) const GAIN_GROWS: Check = Check::ordered("passes of Algorithm 1: n = 65536, 4096, 256");
pub(super) const COCOERCIVE: Claim = Claim {
    place: "theorem on Algorithm 1",
    says: "Variance reduction needs up to √n times fewer component calls, so the gain grows with n and it pays for \
        many components.",
    test: "Fᵢ(u) = cᵢ H u in 50 dimensions, eigenvalues of H from 1e-4 to 1, cᵢ from 0.5 to 1.5 before they are \
        normalised, until ‖F(u)‖ ≤ 0.003 ‖u₀‖, paired by problem. Deterministic Halpern has its own best constant, \
        and takes as many passes for every n.",
    checks: &[PAYS, GAIN_GROWS],
    ..Claim::reduced("H1", "one family of problems and one accuracy, of all those that the theorem is about")
};

pub(super) const RATE: Check = Check::each("(k+1) ‖u − J(u)‖ / ‖u₀ − u*‖").at_most(2.0);
pub(super) const LAST_ITERATE: Claim = Claim {
    place: "theorem on Algorithm 2",
    says: "The last iterate has the 1/k rate on monotone Lipschitz sums whose mean is not cocoercive.",
    test: "Bilinear games of 100 random components with 5 coordinates a player: the largest value over 30 outer \
        steps, J by a factorization, against the bound for exact resolvents.",
    checks: &[RATE],
    ..Claim::reduced("H2", "one family of games, 30 steps")
};

const MATRIX_GAMES: Claim = Claim {
    place: "experiments on matrix games",
    says: "The variance-reduced method reaches a small residual in fewer component calls than its deterministic \
        counterpart.",
    ..Claim::not_attempted(
        "H3",
        "the paper's matrices and sizes were not at hand, and the games that two cores can play cannot show it (see \
         H3-small): it takes n of 1024 and more, components drawn by their norms, and a residual so small that the \
         outer steps fall like 1/η with the exact resolvent, which has to be found first",
    )
};

pub(super) const SMALL: Check =
    Check::ratio("component calls on small games, cheaper deterministic / Algorithm 2").below(1.0);
pub(super) const SMALL_GAMES: Claim = Claim {
    place: "experiments on matrix games",
    says: "On small games and to a modest residual variance reduction does not pay: a √n larger resolvent step saves \
        hardly any outer steps there.",
    test: "Policeman and burglar with 256 houses (64 at quick scale), until the natural residual is 0.1 of its value \
        at uniform strategies: calls of inexact Halpern with deterministic inner solves, the cheaper of two resolvent \
        steps, against Algorithm 2, paired by game.",
    checks: &[SMALL],
    ..Claim::ours("H3-small")
};

pub(super) const PAPER: Paper = Paper {
    id: "variance-reduced-halpern",
    title: "Variance reduced Halpern iteration for finite-sum monotone inclusions",
    citation: "Xufeng Cai, Ahmet Alacaoglu, Jelena Diakonikolas. ICLR 2024",
    url: "https://arxiv.org/abs/2310.02987",
    domain: "optim",
    claims: &[COCOERCIVE, LAST_ITERATE, MATRIX_GAMES, SMALL_GAMES],
    experiments: &[],
};
