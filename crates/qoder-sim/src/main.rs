//! The simulator as a program, for clients in any language.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use qoder_sim::{Builder, Dialect, Plan, Sim};

const HELP: &str = "\
qoder-sim [--listen ADDR] [--dialect seed|current] [--faults SPEC] [--token-ttl SECONDS]
          [--pace MILLISECONDS] [--origin URL] [--scripts FILE]

A simulator of the Qoder Cloud Agents API. Any non-empty bearer token is an account of its own,
but for keys of service accounts (sak-...), which are exchanged for tokens.
The first line of output is `listening on URL`; it runs until it is interrupted.

  --listen ADDR     the address, 127.0.0.1:0 if it is not given: a free port
  --dialect WHICH   the generation of the API: seed, or current (default)
  --faults SPEC     what goes wrong, such as `stream:cut-frames=3*2,call:status=503`
  --scripts FILE    what agents do, as JSON; the README describes the format
  --token-ttl SECS  what tokens of service accounts live at most
  --pace MS         the time between two events of a turn, 10 if it is not given
  --origin URL      what links to files begin with, for clients that reach the simulator through
                    something else, such as https://localhost:8443
";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("qoder-sim: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let Some(builder) = arguments()? else {
        print!("{HELP}");
        return Ok(());
    };
    let sim = builder.start().await?;
    println!("listening on {}", sim.base_url());
    std::io::stdout().flush()?;
    tokio::signal::ctrl_c().await?;
    sim.shutdown().await;
    Ok(())
}

fn arguments() -> Result<Option<Builder>, Box<dyn std::error::Error>> {
    use lexopt::{Arg, ValueExt};
    let mut builder = Sim::builder();
    let mut words = lexopt::Parser::from_env();
    while let Some(word) = words.next()? {
        builder = match word {
            Arg::Long("listen") => builder.listen(words.value()?.parse()?),
            Arg::Long("dialect") => builder.dialect(match words.value()?.string()?.as_str() {
                "seed" => Dialect::Seed,
                "current" => Dialect::Current,
                other => return Err(format!("--dialect {other}: seed or current").into()),
            }),
            Arg::Long("faults") => builder.faults(words.value()?.string()?.parse::<Plan>()?),
            Arg::Long("token-ttl") => {
                builder.token_ttl(Duration::from_secs(words.value()?.parse()?))
            }
            Arg::Long("pace") => builder.pace(Duration::from_millis(words.value()?.parse()?)),
            Arg::Long("origin") => builder.origin(words.value()?.string()?),
            Arg::Long("scripts") => {
                let file = words.value()?.string()?;
                let text =
                    std::fs::read_to_string(&file).map_err(|why| format!("{file}: {why}"))?;
                let scripts = builder.scripts(&text);
                scripts.map_err(|why| format!("{file}: {why}"))?
            }
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        };
    }
    Ok(Some(builder))
}
