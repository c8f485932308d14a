//! Fine-tuning: the loop, its files, its command line.
mod command;
mod inputs;
mod run;
mod tiny;
