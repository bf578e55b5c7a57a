//! `regent`: one process-wide provider of cryptography, then the command line.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    regent::rest::tls::install_provider();
    regent::cli::main().await
}
