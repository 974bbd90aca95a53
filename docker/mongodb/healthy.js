// mongosh --nodb --norc --quiet healthy.js HOST:PORT
// Healthy: it is the primary, or waits to be made one. The server that the image runs for a moment to make the admin is
// no member of a replica set, and so is not taken for the real one.
const address = process.argv.at(-1);
const hello = connect(`mongodb://${address}/admin?directConnection=true&serverSelectionTimeoutMS=5000`).hello();
quit(hello.isWritablePrimary && hello.setName || hello.isreplicaset ? 0 : 1);
