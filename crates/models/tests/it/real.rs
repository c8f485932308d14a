//! Published models, where they are on this machine, against reference values of other programs.

use std::path::PathBuf;

use kiln_models::{Bert, Llama, Prompt, PromptClassifier, TextClassifier, TokenBatch, Tokenizer};
use kiln_tensor::devices;

use crate::support::{assert_close, dot, values};

/// The folder of a model: that of the environment variable, which must then be there, or `name` among the
/// data sets, wherever `cargo xtask data` looks for them. The models are too large for CI, so
/// `KILN_REQUIRE_DATA` leaves them out.
fn folder(variable: &str, name: &str) -> Option<PathBuf> {
    let environment = |variable| std::env::var_os(variable).map(PathBuf::from);
    let checkout = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cache = environment("XDG_CACHE_HOME").or_else(|| environment("HOME").map(|home| home.join(".cache")));
    let sets = [
        environment("KILN_DATA"),
        Some(checkout.join("data")),
        Some(checkout.join("../shared/data")),
        environment("KILN_CACHE").or_else(|| cache.map(|cache| cache.join("kiln/data"))),
    ];
    if let Some(folder) = environment(variable) {
        assert!(folder.is_dir(), "{variable} is {}, which is no folder", folder.display());
        return Some(folder);
    }
    let found = sets.into_iter().flatten().map(|set| set.join(name)).find(|folder| folder.is_dir());
    if found.is_none() {
        eprintln!("skipped: no data {name}");
    }
    found
}

/// The fastest device: these models are too large to try on each.
fn device() -> burn::tensor::Device {
    devices::named("flex").or_else(|_| devices::named("ndarray")).unwrap()
}

fn cosine(x: &[f64], y: &[f64]) -> f64 {
    dot(x, y) / (dot(x, x) * dot(y, y)).sqrt()
}

/// Reference values: those that the publisher shows, and of an independent implementation in `NumPy`.
#[test]
fn minilm() {
    let Some(folder) = folder("KILN_MINILM", "models/minilm") else { return };
    let model = Bert::load(&folder, &device()).unwrap();
    let tokenizer = Tokenizer::from_dir(&folder).unwrap();
    let texts = [
        "This is an example sentence",
        "Each sentence is converted",
        "A man is eating food.",
        "A man is eating a piece of bread.",
    ];
    let batch = tokenizer.encode_batch(&texts, 64).unwrap();
    let embedded = values(model.embed(&batch).unwrap());
    let rows: Vec<&[f64]> = embedded.chunks(384).collect();
    let length = dot(rows[0], rows[0]).sqrt();
    let first: Vec<f64> = rows[0][..5].iter().map(|x| x / length).collect();
    assert_close(&first, &[0.067_657, 0.063_496, 0.048_711, 0.079_305, 0.037_448], 2e-6);
    assert_close(&[cosine(rows[0], rows[1]), cosine(rows[2], rows[3])], &[0.404_559, 0.755_337], 2e-6);
}

/// Reference values of an independent implementation in `NumPy`.
#[test]
fn smollm2() {
    let Some(folder) = folder("KILN_SMOLLM2", "models/smollm2") else { return };
    let file = folder.join("SmolLM2-135M-Instruct.Q4_1.gguf");
    let model = Llama::load(&file, &device()).unwrap();
    let tokenizer = Tokenizer::from_gguf(&file).unwrap();
    let prompt = tokenizer.encode("The capital of France is").unwrap();
    let answer = model.generate(&prompt, 6).unwrap();
    assert_eq!(tokenizer.decode(&answer).unwrap(), " Paris.\n\nThe answer");

    let text = "The quick brown fox jumps over the lazy dog. It was a sunny day in the park, and the children were \
                playing with a ball.";
    let batch: TokenBatch = tokenizer.encode_batch(&[text], 64).unwrap();
    assert_eq!(batch.length(), 28);
    let perplexity = model.perplexity(&batch).unwrap();
    assert!((perplexity - 15.2).abs() < 0.05, "{perplexity}");

    let prompt = Prompt::new(tokenizer, " It was", &[" terrible", " great"]).unwrap();
    let batch = prompt.encode_batch(&["I loved every minute of it.", "A waste of time."], 32).unwrap();
    let model = PromptClassifier::new(model, &prompt).unwrap();
    let logits = values(model.logits(&batch).unwrap());
    assert!(logits[1] - logits[0] > logits[3] - logits[2], "{logits:?}");
}
