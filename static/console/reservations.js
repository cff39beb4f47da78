// The calendar of reservations: it follows what stations answer.

import { confirmForms, keepFresh, submitOnChange } from "./charging.js";

keepFresh("live-part");
confirmForms();
submitOnChange();
