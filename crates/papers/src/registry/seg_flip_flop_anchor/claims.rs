//! What Chae, Yun and Kim say.

use kiln_receipts::{Check, Claim, Expected, Paper};

pub(super) const FALLS: Check =
    Check::ratio("‖F(z)‖² of SEG-FFA, at the last pass / at a tenth of the passes")
        .below(1.0)
        .at_full_scale();
pub(super) const GROWS: Check =
    Check::ratio("‖F(z)‖² of the others, at the last pass / at 1000 passes").above(1.0).at_full_scale();
pub(super) const MONOTONE: Claim = Claim {
    place: "section on experiments, monotone problems",
    says: "Of the shuffling variants of stochastic extragradient only SEG-FFA converges on monotone problems; \
        SEG-FF, SEG-RR and SEG-US diverge.",
    test: "Monotone sums of 40 nonmonotone quadratic games with 20 coordinates a player, drawn from Kiln's seeds by \
        the authors' recipe, with their step sizes: ‖F(z)‖² over its value at the start, 1e5 passes and 20 runs \
        where the authors make 5. Quick scale makes 1e4 passes and 5 runs, which are shown and not judged.",
    checks: &[FALLS, GROWS],
    ..Claim::exact("F1")
};

pub(super) const FASTEST: Check =
    Check::ratio("‖F(z)‖² after 800 passes, another method / SEG-FFA").above(1.0).expected(&[Expected::quick(
        0.01,
        722.3,
        "against SEG-RRA and SEG-FF five games know a ratio to a factor of 20 to 260: games differ by orders of \
         magnitude. It is judged on 20 games at full scale",
    )]);
pub(super) const STRONGLY_MONOTONE: Claim = Claim {
    place: "section on experiments, strongly monotone problems",
    says: "SEG-FFA is the fastest on strongly monotone problems.",
    test: "Sums of 40 strongly monotone quadratic games with 20 coordinates a player, by the authors' recipe, 800 \
        passes at step size 1e-3, paired by game.",
    checks: &[FASTEST],
    ..Claim::exact("F2")
};

pub(super) const BEATS_DSEG: Check = Check::ratio("‖F(z)‖² after 1e4 passes, DSEG / SEG-FFA").above(1.0);
pub(super) const INDEPENDENT: Claim = Claim {
    place: "appendix, comparison with independent samples",
    says: "SEG-FFA beats stochastic extragradient with independent samples and two step sizes (DSEG).",
    test: "The problems of F1, 1e4 passes, DSEG with the step sizes of its authors, paired by game.",
    checks: &[BEATS_DSEG],
    ..Claim::exact("F3")
};

const ADVERSARIAL: Claim = Claim {
    place: "adversarial training on CIFAR-10",
    says: "With Adam in place of plain steps, SEG-FFA trains a robust classifier as well as or better than the other \
        variants.",
    ..Claim::not_attempted(
        "F4",
        "it takes CIFAR-10, a residual network, and adversarial training with every variant and several seeds: days \
         of a graphics processor",
    )
};

pub(super) const PAPER: Paper = Paper {
    id: "seg-flip-flop-anchor",
    title: "Stochastic extragradient with flip-flop shuffling and anchoring: provable improvements",
    citation: "Jiseok Chae, Chulhee Yun, Donghwan Kim. NeurIPS 2024",
    url: "https://arxiv.org/abs/2501.00511",
    domain: "optim",
    claims: &[MONOTONE, STRONGLY_MONOTONE, INDEPENDENT, ADVERSARIAL],
    experiments: &[],
};
