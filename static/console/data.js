// Lists of the data pages: filters show their choice at once, forms ask before they act.

import { confirmForms, submitOnChange } from "./charging.js";

submitOnChange();
confirmForms();
