// The history of commands, one command, one bulk command: they follow what happens.

import { keepFresh, submitOnChange } from "./charging.js";

keepFresh("live-part");
submitOnChange();
