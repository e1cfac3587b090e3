use rocket::fairing::AdHoc;
use rocket::{Config, Error, get, routes};

#[get("/")]
fn answer() -> String {
    crate::answer()
}

pub async fn serve() -> Result<(), Box<Error>> {
    let config = Config {
        port: 0,
        ..Config::debug_default()
    };
    let announce = AdHoc::on_liftoff("announce", |rocket| {
        Box::pin(async move {
            let address = (rocket.config().address, rocket.config().port).into();
            crate::announce(address).expect("write the address");
        })
    });
    let rocket = rocket::custom(config).attach(announce);
    let launched = rocket.mount("/", routes![answer]).launch().await;
    launched.map(drop).map_err(Box::new)
}
