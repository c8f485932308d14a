use std::time::Instant;

use burn::module::Module;
use kiln_models::{Bert, Classifier, Llama, Prompt, PromptClassifier, TextClassifier, TokenBatch, Tokenizer};
use kiln_tensor::devices;

fn rss() -> String {
    std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .filter(|l| l.starts_with("VmRSS") || l.starts_with("VmHWM"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn timing() {
    for name in ["flex", "ndarray"] {
        let device = devices::named(name).unwrap();
        println!("start {}", rss());
        let t = Instant::now();
        let bert = Bert::load("/tmp/kiln-models/minilm", &device).unwrap();
        println!("{name} bert load {:?} params {} {}", t.elapsed(), bert.num_params(), rss());
        let model = Classifier::new(bert, 2).unwrap();
        let rows: Vec<Vec<u32>> =
            (0..64).map(|i| (0..32 - i % 5).map(|j| 1000 + 37 * i + j).collect()).collect();
        let batch = TokenBatch::new(&rows, 0).unwrap();
        for _ in 0..4 {
            let t = Instant::now();
            let v = model.losses(&batch, &[0; 64]).unwrap().try_into_vec_as::<f32>().unwrap();
            println!("{name} bert 64x32 forward {:?} {} {}", t.elapsed(), v[0], rss());
        }
    }
    let device = devices::named("flex").unwrap();
    let file = "/tmp/kiln-models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";
    let t = Instant::now();
    let llama = Llama::load(file, &device).unwrap();
    println!("llama load {:?} params {} {}", t.elapsed(), llama.num_params(), rss());
    let t = Instant::now();
    let tokenizer = Tokenizer::from_gguf(file).unwrap();
    println!("tokenizer {:?} {}", t.elapsed(), rss());
    let prompt = Prompt::new(tokenizer, " It was", &[" terrible", " great"]).unwrap();
    let model = PromptClassifier::new(llama, &prompt).unwrap();
    let rows: Vec<Vec<u32>> = (0..64).map(|i| (0..32 - i % 5).map(|j| 1000 + 37 * i + j).collect()).collect();
    let batch = TokenBatch::new(&rows, 0).unwrap();
    for _ in 0..2 {
        let t = Instant::now();
        let v = model.losses(&batch, &[0; 64]).unwrap().try_into_vec_as::<f32>().unwrap();
        println!("llama 64x32 forward {:?} {} {}", t.elapsed(), v[0], rss());
    }
}
