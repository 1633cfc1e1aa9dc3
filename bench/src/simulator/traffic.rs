//! Who comes to the shop, when, and how long things take: every random draw that is not a failure.
//! Times are nanoseconds since 1970; the same generator state gives the same draws.

use std::f64::consts::TAU;
use std::fmt::Write as _;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

pub(super) const SECOND: u64 = 1_000_000_000;
pub(super) const MILLISECOND: u64 = 1_000_000;
const DAY: u64 = 86_400 * SECOND;
/// How far the busiest hour rises over the day's mean.
const DAILY_SWING: f64 = 0.4;
/// The busiest hour, UTC.
const BUSIEST_HOUR: f64 = 19.0;

/// A log-normal distribution of durations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Latency {
    median_ms: f64,
    spread: f64,
}

/// A latency by its median in milliseconds and the standard deviation of its logarithm.
pub(super) const fn ms(median_ms: f64, spread: f64) -> Latency {
    Latency { median_ms, spread }
}

impl Latency {
    /// One duration in nanoseconds, `factor` times as long as on a good day.
    pub(super) fn draw(self, factor: f64, rng: &mut ChaCha8Rng) -> u64 {
        let drawn_ms = self.median_ms * factor * (self.spread * normal(rng)).exp();
        1_000 + (drawn_ms * MILLISECOND as f64) as u64
    }
}

/// A draw from the standard normal distribution (Box-Muller).
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (TAU * rng.random::<f64>()).cos()
}

/// Poisson arrivals in `[from, until)`; `per_second` is the mean over a day, the hour moves it.
pub(super) fn arrivals(from: u64, until: u64, per_second: f64, rng: &mut ChaCha8Rng) -> Vec<u64> {
    let mut arrivals = Vec::new();
    if per_second <= 0.0 {
        return arrivals;
    }
    let peak = per_second * (1.0 + DAILY_SWING);
    let mut at = from as f64;
    loop {
        at += -(1.0 - rng.random::<f64>()).ln() / peak * SECOND as f64;
        if at >= until as f64 {
            return arrivals;
        }
        if rng.random::<f64>() * (1.0 + DAILY_SWING) < time_of_day_factor(at as u64) {
            arrivals.push(at as u64);
        }
    }
}

fn time_of_day_factor(at: u64) -> f64 {
    let hour = (at % DAY) as f64 / (3_600 * SECOND) as f64;
    1.0 + DAILY_SWING * ((hour - BUSIEST_HOUR) / 24.0 * TAU).cos()
}

/// What stays the same through all that one visitor's request sets in motion.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) user: u32,
    pub(super) session: u64,
    pub(super) product: &'static str,
    pub(super) order: u64,
    pub(super) words: &'static str,
    pub(super) address: [u8; 4],
    pub(super) agent: &'static str,
    pub(super) amount_cents: u32,
    pub(super) currency: &'static str,
    pub(super) canary: bool,
}

impl Visit {
    pub(super) fn draw(rng: &mut ChaCha8Rng) -> Self {
        // Squaring makes a few users come often, as they do.
        let user = (rng.random::<f64>().powi(2) * 20_000.0) as u32 + 1_000;
        Self {
            user,
            session: rng.random(),
            product: choose(PRODUCTS, rng),
            order: rng.random_range(10_000_000..99_999_999),
            words: choose(SEARCHES, rng),
            address: [rng.random_range(11..223), rng.random(), rng.random(), rng.random_range(1..255)],
            agent: choose(AGENTS, rng),
            amount_cents: (ms(42.0, 0.8).draw(1.0, rng) / MILLISECOND * 100) as u32 + rng.random_range(1..100),
            currency: choose(&["EUR", "EUR", "EUR", "USD", "USD", "GBP", "CHF"], rng),
            canary: rng.random_bool(0.05),
        }
    }

    pub(super) fn amount(&self) -> f64 {
        f64::from(self.amount_cents) / 100.0
    }

    pub(super) fn client_address(&self) -> String {
        let [a, b, c, d] = self.address;
        format!("{a}.{b}.{c}.{d}")
    }

    /// Puts this visit's values in the place of `{user}`, `{order}` and the like.
    pub(super) fn fill(&self, template: &str, rng: &mut ChaCha8Rng) -> String {
        let mut filled = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some((before, name, after)) = next_placeholder(rest) {
            filled.push_str(before);
            self.write_value(name, &mut filled, rng);
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    fn write_value(&self, name: &str, filled: &mut String, rng: &mut ChaCha8Rng) {
        let written = match name {
            "user" => write!(filled, "u-{}", self.user),
            "session" => write!(filled, "{:016x}", self.session),
            "cart" => write!(filled, "c-{:08x}", self.session as u32),
            "product" => write!(filled, "{}", self.product),
            "order" => write!(filled, "SO-{}", self.order),
            "words" => write!(filled, "{}", self.words),
            "ip" => write!(filled, "{}", self.client_address()),
            "amount" => write!(filled, "{:.2} {}", self.amount(), self.currency),
            "count" => write!(filled, "{}", rng.random_range(1..40)),
            "millis" => write!(filled, "{:.1}", ms(18.0, 0.9).draw(1.0, rng) as f64 / MILLISECOND as f64),
            "percent" => write!(filled, "{}", rng.random_range(1..100)),
            "hex" => write!(filled, "{:08x}", rng.random::<u32>()),
            unknown => write!(filled, "{{{unknown}}}"),
        };
        written.expect("writing to a String cannot fail");
    }
}

fn next_placeholder(template: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = template.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

pub(super) fn choose(from: &'static [&'static str], rng: &mut ChaCha8Rng) -> &'static str {
    from.choose(rng).expect("every list of choices has entries")
}

const PRODUCTS: &[&str] = &[
    "OLJCESPC7Z",
    "66VCHSJNUP",
    "1YMWWN1N4O",
    "L9ECAV7KIM",
    "2ZYFJ3GM2N",
    "0PUK6V6EV0",
    "LS4PSXUNUM",
    "9SIQT8TOJO",
    "6E92ZMYYFZ",
    "HQTGWGPNH4",
    "T7KXQ2M4BD",
    "V0RN83LJWE",
];

const SEARCHES: &[&str] = &[
    "telescope",
    "red dot finder",
    "star map",
    "lens cleaning kit",
    "binoculars 10x50",
    "solar filter",
    "comet book",
    "tripod",
    "eyepiece 25mm",
    "night vision",
    "mug",
    "gift card",
];

const AGENTS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "ShopApp/7.12.1 (Android 14; SM-S921B)",
    "ShopApp/7.11.0 (iOS 18.5; iPhone15,2)",
];
