//! `resim`: a Redis Enterprise Software cluster in memory, as a program.

fn main() -> std::process::ExitCode {
    regent::sim::cli::main()
}
