// mongosh --nodb --norc --quiet initiate.js HOST:PORT FILE
// Makes the server at HOST:PORT the one member of its replica set, and waits until it takes writes; safe to repeat.
// FILE has the lines username=… and password=… of the admin.
const [address, file] = process.argv.slice(-2);
const lines = require("fs").readFileSync(file, "utf8").split("\n");
const value = (name) => lines.find((line) => line.startsWith(`${name}=`)).slice(name.length + 1);

const admin = connect(`mongodb://${address}/admin?directConnection=true&serverSelectionTimeoutMS=5000`);
admin.auth(value("username"), value("password"));
if (!admin.hello().setName) {
  admin.adminCommand({ replSetInitiate: { _id: "ecom", members: [{ _id: 0, host: address }] } });
}
for (let second = 0; second < 60; second += 1) {
  if (admin.hello().isWritablePrimary) quit(0);
  sleep(1000);
}
print(`${address} did not become primary within a minute.`);
quit(1);
