//! What classifiers and regressors share: their settings, written once.

/// Declares a method: its loss, its own settings, and those that all methods have.
macro_rules! linear_method {
    (
        $(#[$about:meta])*
        $name:ident {
            $(#[$about_loss:meta])*
            loss: $loss:ty,
            $($(#[$about_own:meta])* $own:ident: $kind:ty,)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct $name {
            $(#[$about_loss])*
            #[serde(default)]
            pub loss: $loss,
            /// The penalty.
            pub penalty: $crate::LinearPenalty,
            /// Whether a constant is added to every score; yes by default. It is not penalized.
            #[serde(default = "crate::method::yes")]
            pub intercept: bool,
            $($(#[$about_own])* #[serde(default)] pub $own: $kind,)*
            /// The algorithm, for ridge penalties.
            #[serde(default)]
            pub solver: $crate::LinearSolver,
            /// The relative duality gap at which to stop ([`DualityGap`](crate::DualityGap)); 1e-6 by
            /// default.
            #[serde(default = "crate::method::tolerance")]
            pub tolerance: f64,
            /// The most passes over the stored entries ([`LinearWork`](crate::LinearWork)); 100,000 by
            /// default, for each class where they are fitted one by one.
            #[serde(default = "crate::method::passes")]
            pub passes: f64,
        }

        impl $name {
            /// The first loss of the list with a penalty, everything else by default.
            pub fn new(penalty: $crate::LinearPenalty) -> Self {
                Self {
                    loss: <$loss>::default(),
                    penalty,
                    intercept: $crate::method::yes(),
                    $($own: <$kind>::default(),)*
                    solver: $crate::LinearSolver::Automatic,
                    tolerance: $crate::method::tolerance(),
                    passes: $crate::method::passes(),
                }
            }

            fn settings(&self) -> $crate::fit::Settings<'_> {
                $crate::fit::Settings {
                    penalty: &self.penalty,
                    intercept: self.intercept,
                    solver: self.solver,
                    tolerance: self.tolerance,
                    passes: self.passes,
                }
            }

            /// The settings of whoever only looks at a model: no budget to change it with.
            fn look(&self) -> Self {
                Self { passes: f64::MIN_POSITIVE, ..self.clone() }
            }
        }
    };
}
pub(crate) use linear_method;

pub(crate) fn yes() -> bool {
    true
}

pub(crate) fn tolerance() -> f64 {
    1e-6
}

pub(crate) fn passes() -> f64 {
    1e5
}
