//! Fine-tuning: the loop, its files, its command line.
mod inputs;
mod library;
mod run;
mod tiny;
