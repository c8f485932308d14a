//! What crosses Kiln's crates: README, reports, resume after a kill.

macro_rules! run_examples_of {
    ($($name:ident: $file:literal,)*) => {
        $(#[cfg(doctest)] #[doc = include_str!($file)] pub struct $name;)*
    };
}

run_examples_of! {
    Readme: "../../README.md",
    AdaptiveWaveletDistillation: "../../docs/src/adaptive-wavelet-distillation.md",
    Attributions: "../../docs/src/attributions.md",
    ContextualDecomposition: "../../docs/src/contextual-decomposition.md",
    DomainAdaptation: "../../docs/src/domain-adaptation.md",
    Graphs: "../../docs/src/graphs.md",
    Optimization: "../../docs/src/optimization.md",
    ReplayLog: "../../docs/src/replay-log.md",
    Transforms: "../../docs/src/transforms.md",
    Wavelets: "../../docs/src/wavelets.md",
    ZerothOrder: "../../docs/src/zeroth-order.md",
    AddAPaper: "../../docs/src/add-a-paper.md",
}
