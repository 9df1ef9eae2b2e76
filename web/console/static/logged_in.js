// Tells the tabs that wait for a log-in that there was one.

import { LOGGED_IN } from "./session.js";

new BroadcastChannel(LOGGED_IN).postMessage("");
