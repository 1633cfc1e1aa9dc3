//! Sends the telemetry of the simulated shop to a real endpoint, in real time, until told to stop.
//! Nothing is dropped without being counted: what an endpoint refuses for good shows in the progress line.

mod pace;
mod progress;
mod sender;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use tokio::time::sleep;

pub use self::pace::{Pace, Step};
use self::progress::Progress;
use self::sender::{Export, Refusal, Sender};
use crate::simulator::{Fault, Shop};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// An endpoint that asks for a longer pause is asked again after this one.
const LONGEST_ASKED_PAUSE: Duration = Duration::from_secs(300);

/// What to send, and where to.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoConfig {
    /// Where the OTLP endpoint is [default: http://127.0.0.1:4317, with --protocol http port 4318]
    #[arg(long)]
    pub endpoint: Option<Uri>,
    /// How to send
    #[arg(long, value_enum, default_value_t = Protocol::Grpc)]
    pub protocol: Protocol,
    /// The same seed gives the same traffic, down to the ids of traces [default: another one each time]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Visitors' requests per second, as a mean over a day; each makes about 16 spans
    #[arg(long, default_value_t = 20.0)]
    pub requests_per_second: f64,
    /// What goes wrong in the shop, a minute after the start; may be repeated
    #[arg(long = "fault", value_enum)]
    pub faults: Vec<Fault>,
    /// How long to run, like 90s, 10m or 2h [default: until interrupted]
    #[arg(long, value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// How much of the past to send first, like 30m
    #[arg(long, value_parser = parse_duration)]
    pub backfill: Option<Duration>,
    /// A header for every request, as name=value; may be repeated
    #[arg(long = "header", value_parser = parse_header)]
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Key that may write telemetry
    #[arg(long, env = "OBSERVATORY_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub api_key: Option<String>,
}

impl Default for DemoConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            protocol: Protocol::Grpc,
            seed: None,
            requests_per_second: 20.0,
            faults: Vec::new(),
            duration: None,
            backfill: None,
            headers: Vec::new(),
            api_key: None,
        }
    }
}

/// How OTLP travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// gRPC over HTTP/2.
    Grpc,
    /// Binary protobuf over HTTP/1.1.
    Http,
}

impl DemoConfig {
    fn endpoint(&self) -> Uri {
        let usual = match self.protocol {
            Protocol::Grpc => Uri::from_static("http://127.0.0.1:4317"),
            Protocol::Http => Uri::from_static("http://127.0.0.1:4318"),
        };
        self.endpoint.clone().unwrap_or(usual)
    }

    fn check(&self) -> anyhow::Result<()> {
        let endpoint = self.endpoint();
        if endpoint.scheme_str() != Some("http") {
            bail!("endpoint {endpoint} does not begin with http://; put a proxy in front of a TLS endpoint");
        }
        if !(self.requests_per_second > 0.0 && self.requests_per_second <= 10_000.0) {
            bail!("{} requests per second is not between 0 and 10000", self.requests_per_second);
        }
        Ok(())
    }
}

/// Sends until the configured time is over or `shutdown` completes.
/// Fails only on a wrong configuration: an endpoint that is away is waited for.
pub async fn run(config: DemoConfig, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    config.check()?;
    let mut headers: HeaderMap = config.headers.iter().cloned().collect();
    if let Some(key) = &config.api_key {
        headers.insert("x-api-key", HeaderValue::from_str(key).context("the API key is not one line of text")?);
    }
    let mut demo = Demo {
        shop: Shop::new(config.seed.unwrap_or_else(new_seed), &config.faults),
        sender: Sender::new(config.protocol, &config.endpoint(), headers)?,
        progress: Progress::new(config.endpoint()),
        config,
    };
    tokio::select! {
        () = shutdown => {}
        () = demo.play() => {}
    }
    demo.progress.finish();
    Ok(())
}

struct Demo {
    config: DemoConfig,
    shop: Shop,
    sender: Sender,
    progress: Progress,
}

impl Demo {
    async fn play(&mut self) {
        let mut pace = Pace::new(self.config.backfill.unwrap_or_default());
        while !self.config.duration.is_some_and(|duration| pace.has_played(duration)) {
            let step = pace.next().await;
            if !step.left_out.is_zero() {
                self.progress.left_out(step.left_out);
            }
            self.send_step(step).await;
        }
    }

    async fn send_step(&mut self, step: Step) {
        let telemetry = self.shop.step(step.from.as_nanos() as u64, step.length, self.config.requests_per_second);
        let exports =
            [Export::Traces(telemetry.traces), Export::Logs(telemetry.logs), Export::Metrics(telemetry.metrics)];
        for export in exports.into_iter().filter(|export| export.items() > 0) {
            self.send(&export).await;
        }
        self.progress.show();
    }

    /// Sends until the endpoint has taken it or refused it for good.
    async fn send(&mut self, export: &Export) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.sender.send(export).await {
                Ok(accepted) => return self.progress.sent(export, &accepted),
                Err(Refusal::Final(reason)) => return self.progress.refused(export, &reason),
                Err(Refusal::Unreachable(reason)) => {
                    self.progress.unreachable(&reason);
                    sleep(pause).await;
                }
                Err(Refusal::Later { reason, after }) => {
                    self.progress.postponed(&reason);
                    sleep(after.map_or(pause, |after| after.min(LONGEST_ASKED_PAUSE))).await;
                }
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// One that no earlier demo had: two runs must not make the same traces.
pub fn new_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

pub(crate) fn parse_duration(text: &str) -> anyhow::Result<Duration> {
    let unit_at = text.find(|letter: char| letter.is_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.parse().with_context(|| format!("{text:?} does not begin with a number"))?;
    let seconds = match unit {
        "s" | "" => number,
        "m" => number * 60.0,
        "h" => number * 3_600.0,
        _ => bail!("unit {unit:?} is not s, m or h"),
    };
    Duration::try_from_secs_f64(seconds).with_context(|| format!("{text:?} is not a length of time"))
}

pub(crate) fn parse_header(text: &str) -> anyhow::Result<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once('=').with_context(|| format!("header {text:?} has no '='"))?;
    let name = name.trim().parse().with_context(|| format!("{name:?} is not a header name"))?;
    let value = value.trim().parse().with_context(|| format!("the value of header {name} is not valid"))?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_a_unit() {
        let parse = |text| parse_duration(text).ok();

        assert_eq!(parse("90s"), Some(Duration::from_secs(90)));
        assert_eq!(parse("1.5m"), Some(Duration::from_secs(90)));
        assert_eq!(parse("2h"), Some(Duration::from_secs(7_200)));
        assert_eq!(parse("45"), Some(Duration::from_secs(45)));
        assert_eq!(parse("ten"), None);
        assert_eq!(parse("-3s"), None);
        assert_eq!(parse("3d"), None);
    }

    #[test]
    fn headers_are_names_and_values() {
        let (name, value) = parse_header("Authorization=Bearer a=b").expect("it has both");

        assert_eq!((name.as_str(), value.as_bytes()), ("authorization", b"Bearer a=b".as_slice()));
        assert!(parse_header("no value").is_err());
    }
}
