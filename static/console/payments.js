// Payments and disputes: forms ask before they act, selects show their choice at once.

import { confirmForms, submitOnChange } from "./charging.js";

confirmForms();
submitOnChange();
