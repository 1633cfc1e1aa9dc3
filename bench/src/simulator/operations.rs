//! What the shop does: every operation with its steps, its statements and its log lines.
//! Read it from the bottom, where visitors enter, upwards.

use super::topology::Cause::*;
use super::topology::Service::*;
use super::topology::Severity::*;
use super::topology::Step::*;
use super::topology::Store::*;
use super::topology::{
    Cause, Computation, Entry, Operation, Service, Severity, Statement, Step, Store, Template, ThirdParty, Topic,
};
use super::traffic::{Latency, ms};

const fn http(service: Service, method: &'static str, route: &'static str, own: Latency) -> Operation {
    operation(service, Entry::Http { method, route }, own)
}

const fn rpc(service: Service, method: &'static str, own: Latency) -> Operation {
    operation(service, Entry::Rpc { method }, own)
}

const fn reader(service: Service, group: &'static str, own: Latency) -> Operation {
    operation(service, Entry::Message { queue: "orders", group }, own)
}

const fn operation(service: Service, entry: Entry, own: Latency) -> Operation {
    Operation { service, entry, own, failure: (0.0008, Bug), steps: &[], lines: &[] }
}

impl Operation {
    const fn steps(mut self, steps: &'static [Step]) -> Self {
        self.steps = steps;
        self
    }

    const fn lines(mut self, lines: &'static [Template]) -> Self {
        self.lines = lines;
        self
    }

    const fn fails(mut self, chance: f64, cause: Cause) -> Self {
        self.failure = (chance, cause);
        self
    }
}

const fn line(severity: Severity, chance: f64, text: &'static str) -> Template {
    Template { severity, chance, text }
}

const fn compute(name: &'static str, latency: Latency, event: &'static str) -> Computation {
    Computation { name, latency, event }
}

/// A statement; its first word is the operation.
const fn statement(
    store: Store,
    database: &'static str,
    (operation, collection): (&'static str, &'static str),
    text: &'static str,
    latency: Latency,
) -> Statement {
    Statement { store, database, operation, collection, text, latency }
}

static READ_SESSION: Statement = statement(Redis, "0", ("GET", "session"), "GET session:?", ms(0.4, 0.4));
static READ_CART: Statement = statement(Redis, "1", ("HGETALL", "cart"), "HGETALL cart:?", ms(0.5, 0.5));
static WRITE_CART: Statement = statement(Redis, "1", ("HSET", "cart"), "HSET cart:? ? ?", ms(0.6, 0.5));
static EMPTY_CART: Statement = statement(Redis, "1", ("DEL", "cart"), "DEL cart:?", ms(0.4, 0.4));
static SELECT_PRODUCT: Statement = statement(
    Postgresql,
    "catalog",
    ("SELECT", "products"),
    "SELECT id, name, description, picture, price_units, price_nanos, currency FROM products WHERE id = $1",
    ms(1.4, 0.5),
);
static SELECT_PRODUCTS: Statement = statement(
    Postgresql,
    "catalog",
    ("SELECT", "products"),
    "SELECT id, name, picture, price_units, currency FROM products WHERE category = ANY($1) ORDER BY rank LIMIT $2",
    ms(3.5, 0.6),
);
static SELECT_STOCK: Statement = statement(
    Postgresql,
    "inventory",
    ("SELECT", "stock"),
    "SELECT product_id, on_hand, reserved FROM stock WHERE product_id = ANY($1) FOR UPDATE",
    ms(2.2, 0.6),
);
static UPDATE_STOCK: Statement = statement(
    Postgresql,
    "inventory",
    ("UPDATE", "stock"),
    "UPDATE stock SET reserved = reserved + $2 WHERE product_id = $1 AND on_hand - reserved >= $2",
    ms(2.8, 0.6),
);
static INSERT_ORDER: Statement = statement(
    Postgresql,
    "orders",
    ("INSERT", "orders"),
    "INSERT INTO orders (id, user_id, total_cents, currency, state) VALUES ($1, $2, $3, $4, 'placed') RETURNING created_at",
    ms(3.1, 0.5),
);
static SELECT_ORDER: Statement = statement(
    Postgresql,
    "orders",
    ("SELECT", "orders"),
    "SELECT o.id, o.state, o.total_cents, i.product_id, i.quantity FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.id = $1",
    ms(2.4, 0.6),
);
static INSERT_PARCEL: Statement = statement(
    Postgresql,
    "shipping",
    ("INSERT", "parcels"),
    "INSERT INTO parcels (order_id, carrier, tracking_code) VALUES ($1, $2, $3)",
    ms(2.0, 0.5),
);

static CARD_PROCESSOR: ThirdParty =
    ThirdParty { host: "api.cardprocessor.example", method: "POST", path: "/v1/charges", latency: ms(140.0, 0.45) };
static CARRIER: ThirdParty =
    ThirdParty { host: "rates.carrier.example", method: "GET", path: "/v3/quotes", latency: ms(60.0, 0.4) };
static MAIL_RELAY: ThirdParty =
    ThirdParty { host: "smtp.relay.example", method: "POST", path: "/v3/mail/send", latency: ms(210.0, 0.5) };

static RENDER: Computation = compute("render page", ms(3.0, 0.5), "cache.miss");
static RANK: Computation = compute("rank candidates", ms(11.0, 0.6), "model.fallback");
static SCORE_DOCUMENTS: Computation = compute("score documents", ms(9.0, 0.7), "segment.cold");
static PRICE_ORDER: Computation = compute("price order", ms(2.0, 0.4), "promotion.applied");
static CHECK_FRAUD: Computation = compute("check fraud rules", ms(4.0, 0.5), "rule.matched");

static LIST_PRODUCTS: Operation = rpc(Catalog, "shop.Catalog/ListProducts", ms(1.2, 0.4))
    .steps(&[Query(&SELECT_PRODUCTS)])
    .lines(&[line(Debug, 0.2, "listed {count} products in {millis} ms")]);
static GET_PRODUCT: Operation = rpc(Catalog, "shop.Catalog/GetProduct", ms(0.8, 0.4))
    .steps(&[Query(&SELECT_PRODUCT)])
    .fails(0.004, NotFound)
    .lines(&[
        line(Debug, 0.2, "product {product} found"),
        line(Info, 0.05, "price cache refreshed for {count} products"),
    ]);
static RECOMMEND: Operation = http(Recommendation, "POST", "/v1/recommendations", ms(2.5, 0.5))
    .steps(&[Compute(&RANK), Call(&LIST_PRODUCTS)])
    .lines(&[
        line(Info, 0.5, "recommended {count} products to {user} from {count} candidates"),
        line(Warn, 0.02, "feature store is {count} minutes old, using defaults for {user}"),
    ]);
static FIND: Operation = http(Search, "GET", "/v1/search", ms(2.0, 0.5)).steps(&[Compute(&SCORE_DOCUMENTS)]).lines(&[
    line(Info, 0.7, "query \"{words}\" matched {count} documents in {millis} ms"),
    line(Warn, 0.02, "query \"{words}\" visited {percent}% of segment _{hex}, consider merging"),
]);
static GET_CART: Operation = rpc(Cart, "shop.Cart/GetCart", ms(0.7, 0.4)).steps(&[Query(&READ_CART)]).lines(&[line(
    Info,
    0.3,
    "cart {cart} of {user} has {count} items",
)]);
static ADD_ITEM: Operation = rpc(Cart, "shop.Cart/AddItem", ms(0.9, 0.4))
    .steps(&[Query(&READ_CART), Query(&WRITE_CART)])
    .fails(0.003, Invalid)
    .lines(&[line(Info, 0.9, "added {product} to cart {cart} of {user}")]);
static CLEAR_CART: Operation = rpc(Cart, "shop.Cart/EmptyCart", ms(0.5, 0.4)).steps(&[Query(&EMPTY_CART)]);
static RESERVE: Operation = rpc(Inventory, "shop.Inventory/Reserve", ms(1.1, 0.4))
    .steps(&[Query(&SELECT_STOCK), Query(&UPDATE_STOCK)])
    .fails(0.002, Timeout)
    .lines(&[
        line(Info, 0.6, "reserved {count} of {product} for order {order}"),
        line(Warn, 0.05, "stock of {product} is low: {count} left"),
    ]);
static QUOTE: Operation = rpc(Shipping, "shop.Shipping/Quote", ms(0.4, 0.3))
    .steps(&[Outside(&CARRIER)])
    .lines(&[line(Info, 0.4, "quoted {amount} for order {order}")]);
static CHARGE: Operation = http(Payment, "POST", "/v1/charge", ms(3.0, 0.4))
    .steps(&[Compute(&CHECK_FRAUD), Outside(&CARD_PROCESSOR)])
    .fails(0.02, Declined)
    .lines(&[line(Info, 1.0, "charged {amount} for order {order}, processor reference ch_{hex}")]);

static SEND_CONFIRMATION: Operation = reader(Email, "email", ms(4.0, 0.5))
    .steps(&[Outside(&MAIL_RELAY)])
    .lines(&[line(Info, 0.9, "confirmation of {order} sent to {user}@mail.example, message id <{hex}@shop.example>")]);
static BOOK_PARCEL: Operation = reader(Shipping, "shipping", ms(1.0, 0.4))
    .steps(&[Query(&INSERT_PARCEL)])
    .lines(&[line(Info, 0.9, "parcel for {order} booked, tracking code TR{hex}")]);
static SETTLE_STOCK: Operation = reader(Inventory, "inventory", ms(0.9, 0.4)).steps(&[Query(&UPDATE_STOCK)]);
static ORDERS: Topic = Topic {
    name: "orders",
    partitions: 12,
    delay: ms(35.0, 0.9),
    readers: &[&SEND_CONFIRMATION, &BOOK_PARCEL, &SETTLE_STOCK],
};

static PLACE_ORDER: Operation = rpc(Checkout, "shop.Checkout/PlaceOrder", ms(5.0, 0.4))
    .steps(&[
        Call(&GET_CART),
        Together(&[Call(&GET_PRODUCT), Call(&QUOTE)]),
        Compute(&PRICE_ORDER),
        Call(&RESERVE),
        Call(&CHARGE),
        Query(&INSERT_ORDER),
        Publish(&ORDERS),
        Try(&CLEAR_CART),
    ])
    .lines(&[line(Info, 1.0, "order {order} of {user} placed: {count} items, {amount}")]);
static READ_ORDER: Operation =
    rpc(Checkout, "shop.Checkout/GetOrder", ms(1.5, 0.4)).steps(&[Query(&SELECT_ORDER)]).fails(0.01, NotFound);

static HOME_PAGE: Operation = http(Frontend, "GET", "/", ms(4.0, 0.5))
    .steps(&[Together(&[Call(&LIST_PRODUCTS), Try(&RECOMMEND), Try(&GET_CART)]), Compute(&RENDER)])
    .lines(&[line(Info, 0.3, "GET / rendered for {user} in {millis} ms")]);
static PRODUCT_PAGE: Operation = http(Frontend, "GET", "/product/{product}", ms(3.5, 0.5))
    .steps(&[Call(&GET_PRODUCT), Together(&[Try(&RECOMMEND), Try(&GET_CART)]), Compute(&RENDER)])
    .lines(&[line(Info, 0.3, "product {product} viewed by {user}")]);
static SEARCH_PAGE: Operation =
    http(Frontend, "GET", "/search", ms(3.0, 0.5)).steps(&[Call(&FIND), Call(&LIST_PRODUCTS), Compute(&RENDER)]);
static CART_PAGE: Operation = http(Frontend, "GET", "/cart", ms(2.5, 0.5)).steps(&[
    Call(&GET_CART),
    Together(&[Call(&GET_PRODUCT), Try(&RECOMMEND)]),
    Compute(&RENDER),
]);
static CART_ADD: Operation =
    http(Frontend, "POST", "/cart/items", ms(2.0, 0.5)).steps(&[Call(&GET_PRODUCT), Call(&ADD_ITEM)]);
static CHECKOUT_PAGE: Operation = http(Frontend, "POST", "/checkout", ms(4.0, 0.5))
    .steps(&[Call(&PLACE_ORDER), Compute(&RENDER)])
    .lines(&[line(Info, 1.0, "checkout of {user} finished with order {order}")]);
static ORDER_PAGE: Operation =
    http(Frontend, "GET", "/orders/{order}", ms(2.5, 0.5)).steps(&[Call(&READ_ORDER), Compute(&RENDER)]);

static EDGE_LINES: &[Template] = &[line(Warn, 0.01, "client {ip} is close to its rate limit: {percent}%")];

const fn edge(method: &'static str, route: &'static str, steps: &'static [Step]) -> Operation {
    http(Gateway, method, route, ms(0.6, 0.4)).steps(steps).lines(EDGE_LINES)
}

/// Where visitors enter, and how often.
pub(super) static ENTRANCES: [(f64, Operation); 8] = [
    (26.0, edge("GET", "/", &[Query(&READ_SESSION), Call(&HOME_PAGE)])),
    (30.0, edge("GET", "/product/{product}", &[Query(&READ_SESSION), Call(&PRODUCT_PAGE)])),
    (14.0, edge("GET", "/search", &[Call(&SEARCH_PAGE)])),
    (8.0, edge("GET", "/cart", &[Query(&READ_SESSION), Call(&CART_PAGE)])),
    (11.0, edge("POST", "/cart/items", &[Query(&READ_SESSION), Call(&CART_ADD)])),
    (6.0, edge("POST", "/checkout", &[Query(&READ_SESSION), Call(&CHECKOUT_PAGE)])),
    (3.0, edge("GET", "/orders/{order}", &[Query(&READ_SESSION), Call(&ORDER_PAGE)])),
    // What scanners look for; no service answers it.
    (2.0, edge("GET", "/wp-login.php", &[]).fails(1.0, NotFound)),
];
