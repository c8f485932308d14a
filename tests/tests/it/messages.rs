//! What users read when they are mistaken: the same mistake has the same words in every crate.

use std::fmt::{Display, Write as _};

use burn::tensor::{Device, Tensor};
use kiln_adapt::linear::classification::CipHard;
use kiln_adapt::{Adaptation, Fit as _, Labelled, Labels, Unlabelled};
use kiln_core::InputError;
use kiln_datasets::DataPath;
use kiln_graph::{CsrGraph, io::read_graph};
use kiln_interpret::attribution::{Attribution as _, IntegratedGradients, Question};
use kiln_interpret::{transform::Fourier, wavelet::Wavelet};
use kiln_models::{Bert, BertConfig, TokenBatch};
use kiln_optim::faer::{Mat, mat};
use kiln_optim::first_order::{GradientDescent, Svrg};
use kiln_optim::{Stop, linear::read_svmlight, problems::Quadratic, run};
use kiln_receipts::registry;
use kiln_tensor::{Vector as _, devices};

/// Messages under a heading for each crate.
#[derive(Default)]
struct Messages(String);

impl Messages {
    fn of(&mut self, name: &str) {
        let _ = writeln!(self.0, "{}kiln-{name}", if self.0.is_empty() { "" } else { "\n" });
    }

    /// The message, with its causes, of something that cannot be done.
    fn add<T, E: std::error::Error>(&mut self, mistake: &str, result: Result<T, E>) {
        let error = result.err().unwrap_or_else(|| panic!("{mistake}: accepted"));
        let mut said = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let _ = write!(said, "\n      {error}");
            cause = error.source();
        }
        self.line(mistake, said);
    }

    fn line(&mut self, mistake: &str, said: impl Display) {
        let _ = writeln!(self.0, "  {mistake}\n    {said}");
    }
}

#[test]
fn messages_are_as_they_were() {
    let mut messages = Messages::default();
    core(&mut messages);
    tensor(&mut messages);
    graph(&mut messages);
    optim(&mut messages);
    adapt(&mut messages);
    interpret(&mut messages);
    models(&mut messages);
    rest(&mut messages);
    kiln_tests::snapshot("messages", &messages.0);
}

fn core(messages: &mut Messages) {
    messages.of("core");
    messages.line("setting", InputError::setting("step_size", f64::NAN, "finite and greater than 0"));
    messages.line("size", InputError::size("labels", 3, 4));
    messages.line("shape", InputError::shape("x", &[2, 3], &[2, 4]));
    messages.line("index", InputError::index("row", 7, 5));
    messages.line("empty", InputError::empty("the table"));
    messages.line("not finite", InputError::not_finite("the table"));
}

fn tensor(messages: &mut Messages) {
    messages.of("tensor");
    messages.add("a shorter vector", vec![1.0].dot(&vec![1.0, 2.0]));
    messages.add("an unknown device", devices::named("abacus"));
}

fn graph(messages: &mut Messages) {
    messages.of("graph");
    messages.add("an edge to nowhere", CsrGraph::from_edges(2, [(0, 5)]));
    messages.add("an infinite weight", CsrGraph::from_weighted_edges(2, [(0, 1, f64::INFINITY)]));
    messages.add("a file of no format", read_graph("graph.docx"));
    messages.add("a file that is not there", read_graph("nowhere.edges"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("words.edges");
    std::fs::write(&file, "0 1\none two\n").unwrap();
    let said = read_graph(&file).unwrap_err().to_string();
    messages.line("a line of words", said.replace(&folder.path().display().to_string(), "FOLDER"));
}

fn optim(messages: &mut Messages) {
    messages.of("optim");
    let problem = Quadratic::diagonal(vec![1.0, 4.0], vec![0.0; 2]).unwrap();
    let descend = |step_size: f64, start| {
        let solver = GradientDescent { step_size: step_size.into() };
        run(&solver, &problem, start, &Stop::after(1000))
    };
    messages.add("another size of b", Quadratic::diagonal(vec![1.0], vec![1.0, 2.0]));
    messages.add("a negative step size", descend(-1.0, vec![0.0; 2]));
    messages.add("a start of another size", descend(0.1, vec![0.0; 3]));
    messages.add("a step size that is too large", descend(10.0, vec![1.0; 2]));
    let unsteady = Svrg::new(f64::NAN, 5);
    let found = run(&unsteady, &problem, vec![0.0; 2], &Stop::after(1));
    messages.add("a step size that is no number", found);
    messages.add("a word for a number", read_svmlight(&b"1 1:0.5\n-1 2:many\n"[..]));
}

fn adapt(messages: &mut Messages) {
    messages.of("adapt");
    let classes = |classes: &[usize]| Labels::classes(classes, 2);
    let table = || mat![[0.0, 1.0], [1.0, 0.0], [0.5, 2.0]];
    messages.add("a label too few", Labelled::new("spring", table(), classes(&[0, 1])));
    messages.add("a class too many", Labelled::new("spring", table(), classes(&[0, 1, 2])));
    messages.add("NaN", Labelled::new("spring", mat![[f64::NAN]], classes(&[0])));
    let spring = || Labelled::new("spring", table(), classes(&[0, 1, 1])).unwrap();
    let autumn = |columns| Unlabelled::new("autumn", Mat::<f64>::zeros(4, columns)).unwrap();
    messages.add("no source", Adaptation::new(Vec::<Labelled<Mat<f64>>>::new(), autumn(2)));
    messages.add("another width of the target", Adaptation::new(vec![spring()], autumn(3)));
    let data = Adaptation::new(vec![spring()], autumn(2)).unwrap();
    let method = CipHard { threshold: -1.0, ..CipHard::default() };
    messages.add("a negative threshold", method.fit(&data));
}

fn interpret(messages: &mut Messages) {
    messages.of("interpret");
    let x = Tensor::<2>::ones([2, 3], &Device::flex());
    let model = |x: Tensor<2>| x.clone().narrow(1, 0, 1) - x.narrow(1, 2, 1);
    let gradients = IntegratedGradients::default();
    messages.add("an output that is not there", gradients.attribute(&model, &x, &Question::output(1)));
    let none = IntegratedGradients { nodes: 0, ..gradients };
    messages.add("no nodes", none.attribute(&model, &x, &Question::output(0)));
    let of_rows = |x: Tensor<2>| x.narrow(0, 0, 1);
    messages.add("a model that drops rows", gradients.attribute(&of_rows, &x, &Question::output(0)));
    messages.add("an unknown wavelet", Wavelet::named("db99"));
    messages.add("signals without samples", Fourier::of_signals(&[0]));
}

fn models(messages: &mut Messages) {
    messages.of("models");
    let device = Device::flex();
    let config = BertConfig {
        vocab_size: 20,
        hidden_size: 8,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        intermediate_size: 16,
        ..BertConfig::default()
    };
    let heads = BertConfig { num_attention_heads: 3, ..config.clone() };
    messages.add("heads that do not divide the width", Bert::random(&heads, 1, &device));
    messages.add("a text without tokens", TokenBatch::new(&[vec![1], vec![]], 0));
    let bert = Bert::random(&config, 1, &device).unwrap();
    messages
        .add("a token that is not in the vocabulary", bert.embed(&TokenBatch::new(&[vec![20]], 0).unwrap()));
    messages.add("a folder that is not there", Bert::load("nowhere", &device));
}

fn rest(messages: &mut Messages) {
    messages.of("datasets");
    let nowhere = DataPath::of_folders(vec![]);
    messages.add("data that are not here", nowhere.find("graph/sfld.edges"));
    messages.add("a name that means nothing", nowhere.find("graph/sfeld.edges"));

    messages.of("receipts");
    messages.add("an unknown paper", registry::select(&[], &["alexandria".to_owned()]));
}
