//! The attribute above that of rocket.

#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
#[rocket::main]
async fn main() -> Result<(), Box<rocket::Error>> {
    runtimes::rocket::serve().await
}
