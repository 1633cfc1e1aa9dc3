//! Redis, if one is named.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, cmd};

use super::clock;
use super::finding::Finding;

/// Oldest version that has what is used of it.
const VERSION_MIN: u32 = 6;
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);

struct Answered {
    version: String,
    latency: Duration,
    clock_ahead_millis: i64,
}

/// Whether it answers, and its clock.
pub(super) async fn findings(url: &str) -> Vec<Finding> {
    let Answered { version, latency, clock_ahead_millis } = match ask(url).await {
        Ok(answered) => answered,
        Err(cause) => {
            let next = match (cause.kind(), cause.code()) {
                (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => {
                    "check user and password in REDIS_URL"
                }
                (_, Some("NOPERM")) => "allow the user PING, TIME and INFO, and what the server needs",
                _ => "is it running, and is REDIS_URL redis://user:password@host:port?",
            };
            return vec![Finding::fail("redis", format!("no answer: {cause}"), next)];
        }
    };
    let fact = format!("Redis {version} answers in {:.1} ms", latency.as_secs_f64() * 1e3);
    let major: Option<u32> = version.split('.').next().and_then(|major| major.parse().ok());
    let answered = match major {
        Some(..VERSION_MIN) => Finding::fail("redis", fact, format!("version {VERSION_MIN} or later is needed")),
        _ => Finding::ok("redis", fact),
    };
    vec![answered, clock::of_other("redis_clock", clock_ahead_millis)]
}

async fn ask(url: &str) -> Result<Answered, RedisError> {
    let patience = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWERED_WITHIN))
        .set_response_timeout(Some(ANSWERED_WITHIN));
    let mut connection = Client::open(url)?.get_multiplexed_async_connection_with_config(&patience).await?;
    let began = Instant::now();
    cmd("PING").query_async::<String>(&mut connection).await?;
    let latency = began.elapsed();
    let (seconds, micros): (i64, i64) = cmd("TIME").query_async(&mut connection).await?;
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(latency / 2);
    let clock_ahead_millis = seconds * 1000 + micros / 1000 - ours.as_millis() as i64;
    let told: String = cmd("INFO").arg("server").query_async(&mut connection).await?;
    let version = told.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap_or("of no version");
    Ok(Answered { version: version.trim().to_owned(), latency, clock_ahead_millis })
}
