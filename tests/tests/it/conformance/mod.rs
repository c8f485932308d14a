//! Conformance: the laws that every method of a domain obeys.
//!
//! A domain has one file here. It holds the list of the domain's methods, one line each, and one test for
//! each law. A new method is one line in the list, and is then tested for everything that the others are.
//!
//! * graph: the error bar holds; weights times a constant give the same cluster, and so do nodes relabelled;
//!   a limit gives a valid partial answer; names in, names out.
//! * optim: a solution stays; resume gives the same bits; a state of other settings, order, seed or method is
//!   refused; every budget ends every method; a large or scaled solution is found, not called divergence;
//!   divergence holds the last good iterate.
//! * adapt: rows permuted, columns rescaled, sources renamed give the same answer; bad tables are typed errors;
//!   saved is loaded; probabilities sum to 1; the target's labels change nothing in an unsupervised method.
//! * interpret: completeness is what `delta` says; scores do not depend on the batch; the user's module is
//!   not changed; stochastic models are refused; linear models are explained exactly; the shape is the input's.
//! * tensor: axioms of the vector space on every device; prox against brute force.
//!
//! A law is a function of one method that asserts. [`Suite::law`] applies it to the whole list, collects what
//! fails and names it. A method that cannot obey a law yet is a named [`Exception`]. It is no skip: the law
//! is applied all the same, and the test fails as soon as the method obeys it, so that the exception is
//! removed with its cause.
//!
//! ```ignore
//! static SUITE: Suite = Suite {
//!     domain: "graph",
//!     laws: &[SCALE],
//!     exceptions: &[Exception { method: "mqi", law: SCALE, reason: "it has a unit", until: "issue 20" }],
//! };
//! const SCALE: &str = "weights times a constant give the same cluster";
//!
//! #[test]
//! fn weights_times_a_constant_give_the_same_cluster() {
//!     SUITE.law(SCALE, &methods(), Method::name, |it| assert_eq!(it.cluster(1.0), it.cluster(1e6)));
//! }
//! ```

mod adapt;
mod graph;
mod interpret;
mod optim;
mod tensor;
mod zeroth_order;

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A method that does not obey a law yet.
#[derive(Debug)]
pub(crate) struct Exception {
    /// The method, as its suite's list names it.
    pub(crate) method: &'static str,
    /// The law, one of the suite's.
    pub(crate) law: &'static str,
    /// Why it fails.
    pub(crate) reason: &'static str,
    /// What will mend it: `issue 21`.
    pub(crate) until: &'static str,
}

/// The laws of a domain.
pub(crate) struct Suite {
    /// The domain, for messages.
    pub(crate) domain: &'static str,
    /// All its laws, in a few words each.
    pub(crate) laws: &'static [&'static str],
    /// Which methods do not obey which laws yet.
    pub(crate) exceptions: &'static [Exception],
}

impl Suite {
    /// Applies a law to all methods. `holds` asserts; what it panics with is the message.
    ///
    /// # Panics
    /// With the names of all the methods that do not obey the law and are no exceptions, and of all
    /// exceptions to it that are none any more, or that name no method of the list.
    pub(crate) fn law<M>(&self, law: &str, methods: &[M], name: impl Fn(&M) -> String, holds: impl Fn(&M)) {
        let mut named = std::iter::once(law).chain(self.exceptions.iter().map(|exception| exception.law));
        if let Some(law) = named.find(|law| !self.laws.contains(law)) {
            panic!("the suite of {} lists no law `{law}`", self.domain);
        }
        assert!(!methods.is_empty(), "{}: {law}: there is no method to apply it to", self.domain);

        let mut exceptions: Vec<_> =
            self.exceptions.iter().filter(|exception| exception.law == law).collect();
        let mut wrong = String::new();
        for method in methods {
            let name = name(method);
            let failure =
                catch_unwind(AssertUnwindSafe(|| holds(method))).err().map(|panic| message(&*panic));
            let excepted = exceptions.iter().position(|exception| exception.method == name);
            let line = match (failure, excepted.map(|i| exceptions.remove(i))) {
                (None, None) => continue,
                (Some(failure), Some(Exception { reason, until, .. })) => {
                    eprintln!(
                        "{}: {law}: {name} is excepted until {until}: {reason}: {failure}",
                        self.domain
                    );
                    continue;
                }
                (Some(failure), None) => format!("{name}: {failure}"),
                (None, Some(Exception { until, .. })) => {
                    format!("{name} obeys it now: remove its exception (until {until})")
                }
            };
            let _ = writeln!(wrong, "  {line}");
        }
        for exception in exceptions {
            let _ =
                writeln!(wrong, "  {}: the list has no such method, remove its exception", exception.method);
        }
        assert!(wrong.is_empty(), "{}: {law}:\n{wrong}", self.domain);
    }
}

/// What a panic said.
fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}

mod frame {
    use super::*;

    const EVEN: &str = "a number is even";

    static SUITE: Suite = Suite {
        domain: "numbers",
        laws: &[EVEN],
        exceptions: &[Exception { method: "3", law: EVEN, reason: "it is odd", until: "issue 0" }],
    };

    /// What the suite says of these numbers.
    fn verdict(numbers: &[u32]) -> Result<(), String> {
        let run = || {
            SUITE.law(EVEN, numbers, u32::to_string, |number| assert_eq!(number % 2, 0, "{number} is odd"));
        };
        catch_unwind(run).map_err(|panic| message(&*panic))
    }

    #[test]
    fn a_named_exception_must_fail() {
        assert_eq!(verdict(&[2, 3, 4]), Ok(()));
        let gone = verdict(&[2, 4]).unwrap_err();
        assert!(gone.contains("3: the list has no such method"), "{gone}");
    }

    #[test]
    fn all_failures_are_named() {
        let said = verdict(&[1, 2, 3, 5]).unwrap_err();
        assert!(said.contains("  1: ") && said.contains("  5: ") && !said.contains("  3: "), "{said}");
        let none = verdict(&[]).unwrap_err();
        assert!(none.contains("no method"), "{none}");
    }

    #[test]
    fn a_mended_exception_is_named() {
        let run = || SUITE.law(EVEN, &[3], u32::to_string, |_| {});
        let said = message(&*catch_unwind(run).unwrap_err());
        assert!(said.contains("3 obeys it now"), "{said}");
    }

    #[test]
    fn an_unlisted_law_is_refused() {
        let run = || SUITE.law("a number is odd", &[3], u32::to_string, |_| {});
        let said = message(&*catch_unwind(run).unwrap_err());
        assert!(said.contains("lists no law `a number is odd`"), "{said}");
    }
}
