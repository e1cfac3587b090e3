//! The attribute above `#[rocket::launch]`, which makes `main` later.

#[daemon::main]
#[rocket::launch]
fn rocket() -> _ {
    rocket::build()
}
