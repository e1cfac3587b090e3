//! The attribute above `#[rocket::launch]`, which has yet to make the `main`.

#[daemon::main]
#[rocket::launch]
fn rocket() -> _ {
    rocket::build()
}
