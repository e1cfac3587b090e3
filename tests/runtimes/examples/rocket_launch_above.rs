//! The attribute below `#[rocket::launch]`, whose `main` it never sees.

#[rocket::launch]
#[daemon::main]
fn rocket() -> _ {
    rocket::build()
}
