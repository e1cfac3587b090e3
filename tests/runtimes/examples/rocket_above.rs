//! The attribute below that of rocket.

#[rocket::main]
#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
async fn main() -> Result<(), Box<rocket::Error>> {
    runtimes::rocket::serve().await
}
