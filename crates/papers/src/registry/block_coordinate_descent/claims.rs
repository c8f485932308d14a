//! What the paper says.

use kiln_receipts::{Check, Claim, Expected, Paper};

const GENERATOR: &str =
    "the authors' generator; at quick scale 200 × 1000 of 1000 × 10,000, at full scale 5 data sets";
const FAR: &str = "\"far better\" is read as a factor of ten";
/// Of `f / f(0)`: what is below is rounding.
const ROUNDING: f64 = 1e-15;

pub(super) const RANDOM_GSL: Check =
    Check::ratio("f, Random / GSL, fixed blocks").above(10.0).floor(ROUNDING).by_us(FAR);
pub(super) const GS_GSL: Check =
    Check::ratio("f, GS / GSL, fixed blocks").above(10.0).floor(ROUNDING).by_us(FAR);
pub(super) const RANDOM_GS: Check =
    Check::ratio("f, Random / GS, variable blocks").above(1.0).floor(ROUNDING);
pub(super) const RULES: Claim = Claim {
    place: "figures 4 and 8",
    says: "Greedy rules that know the Lipschitz constants are far better than Gauss-Southwell and random; \
        Gauss-Southwell alone beats random with variable blocks.",
    test: "Least squares (data set A), blocks of 5, 500 iterations, updates 1/L_b: ratios of f after the \
        last, paired by data set.",
    checks: &[RANDOM_GSL, GS_GSL, RANDOM_GS],
    ..Claim::reduced("B1", GENERATOR)
};

/// The vector curves of the authors' figures end at f = 8.4e3 (4a) and 4.9e3 (5a) with fixed blocks, 7.9e3 and 65 with
/// variable ones, and by Gauss-Southwell (4a) at 1.5e5 and 3.4e4. One data set of theirs.
const FIGURES: &str = "IssamLaradji/BlockCoordinateDescent, docs/fig4a.pdf and fig5a.pdf";

pub(super) const MATRIX_FIXED: Check = Check::ratio("f, 1/L_b / matrix updates, fixed blocks")
    .within(1.73 / 1.5, 1.73 * 1.5)
    .floor(ROUNDING)
    .by_authors(FIGURES)
    .at_full_scale();
pub(super) const MATRIX_VARIABLE: Check =
    Check::ratio("f, 1/L_b / matrix updates, variable blocks").above(10.0).floor(ROUNDING).by_us(FAR);
pub(super) const UPDATES: Claim = Claim {
    place: "figures 4, 5 and 11",
    says: "Matrix updates are far better than 1/L_b where blocks are variable; little is gained \
        with fixed ones.",
    test: "The same problems and GSL. With fixed blocks of 5 the authors' ratio is 1.73, ours \
        may be 1.5 times less or more. (The first full run asked for ten here too, which the authors' own \
        figures do not show; these are other data sets than that run's.)",
    checks: &[MATRIX_FIXED, MATRIX_VARIABLE],
    ..Claim::reduced("B2", GENERATOR)
};

pub(super) const VARIABLE: Check = Check::ratio("f, fixed / variable blocks")
    .above(1.0)
    .floor(ROUNDING)
    .expected(&[Expected::quick(0.03, 0.7, SMALL)]);
const SMALL: &str = "with a tenth of the columns 500 iterations are ten times the passes of the figures, \
    and GSL of variable blocks by row sums with matrix updates falls behind";
pub(super) const VARIABLE_GSL: Check = Check::ratio("f, fixed / variable blocks, GSL by 1/L_b")
    .within(1.06 / 1.5, 1.06 * 1.5)
    .floor(ROUNDING)
    .by_authors(FIGURES)
    .at_full_scale()
    .expected(&[Expected::full(0.4, 0.75, SQUARES)]);
const SQUARES: &str = "the rule of the authors' code for fixed blocks, which sums absolute values, is further behind \
    than that of the paper, which sums squares";
pub(super) const PARTITIONS: Claim = Claim {
    place: "figures 4, 5 and 11",
    says: "For greedy rules variable blocks are better than fixed ones, by Gauss-Southwell and \
        by matrix updates; with GSL and 1/L_b they end equal.",
    test: "The same problems; fixed blocks sorted by Lipschitz constant, the best of three \
        ways; for variable blocks the authors' GSL, with row sums of |H|. Where they end equal in figure \
        4a (1.06), ours may be 1.5 times less or more. (As for B2: rewritten after a first full run, in \
        which GSL of single coordinates was 0.66.)",
    checks: &[VARIABLE, VARIABLE_GSL],
    ruled_out: "An error of ours: an independent program \
        (tests/reference/optim/block_coordinate_descent.py, three data sets of its own) has 0.56 to 0.66 \
        with the paper's rule, and 0.85 to 0.99 with that of the authors' code, which sums absolute values \
        where the paper has squares. With the paper's rule, fixed blocks win here.",
    ..Claim::reduced("B3", GENERATOR)
};

pub(super) const LATE: Check = Check::each("changes of the zeros, last 100 iterations").at_most(0.0);
pub(super) const SOLUTIONS: Check =
    Check::each("conditions of a minimum that the zeros at the end break").at_most(0.0);
pub(super) const ACTIVE_SET: Claim = Claim {
    place: "figure 7",
    says: "With x ≥ 0 and an ℓ1 penalty of 5e4 the zeros of the solution are found after \
        finitely many steps.",
    test: "Data set A at its real size (1000 × 10000), variable blocks of 5 and 50 (at full \
        scale also 100), greedy for x ≥ 0, projected 1/L_b and two-metric updates, 500 iterations. The \
        zeros are those of the solution if f has its minimum over the other coordinates where all of these \
        are positive, and falls along no zero from there.",
    checks: &[LATE, SOLUTIONS],
    ..Claim::reduced("B4", "1 data set of the authors' generator, at full scale 3")
};

pub(super) const FORESTS: Check = Check::ratio("f − f*, blocks of n^{1/3} / forests").above(1.0).floor(1e-10);
pub(super) const MESSAGES: Claim = Claim {
    place: "figure 6",
    says: "Forest-structured blocks, solved by message passing, make more progress than blocks whose dense \
        solve costs as much.",
    test: "Label propagation on a lattice, 10, 30 and 100 iterations: (f − f*)/(f(0) − f*) of \
        Gauss-Southwell with variable blocks of n^{1/3} over that of greedy forests. f* by 5,000 iterations, \
        so what is below 1e-10 is equal.",
    checks: &[FORESTS],
    ..Claim::reduced("B5", "the authors' lattice; at quick scale 30 × 30 with 36 labels of 50 × 50 with 100")
};

pub(super) const PAPER: Paper = Paper {
    id: "block-coordinate-descent",
    title: "Let's make block coordinate descent converge faster",
    citation: "Julie Nutini, Issam Laradji, Mark Schmidt. Journal of Machine Learning Research 23(131), 2022",
    url: "https://arxiv.org/abs/1712.08859",
    domain: "optim",
    claims: &[RULES, UPDATES, PARTITIONS, ACTIVE_SET, MESSAGES],
    experiments: &[],
};
